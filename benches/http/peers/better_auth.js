// better-auth's API keys on SQLite: `node better_auth.js PORT KEYS TOKENS_FILE DATABASE_FILE`
import { createServer } from "node:http";
import { writeFileSync } from "node:fs";
import { apiKey } from "@better-auth/api-key";
import { betterAuth } from "better-auth";
import { getMigrations } from "better-auth/db/migration";
import Database from "better-sqlite3";

const [port, keys, tokensFile, databaseFile] = process.argv.slice(2);
const database = new Database(databaseFile);
database.pragma("journal_mode = WAL");
const auth = betterAuth({
  database,
  secret: "only a benchmark, with nothing to keep secret",
  baseURL: `http://127.0.0.1:${port}`,
  emailAndPassword: { enabled: true },
  telemetry: { enabled: false },
  // Its limits would refuse the load, and cost it time.
  rateLimit: { enabled: false },
  plugins: [apiKey({ rateLimit: { enabled: false } })],
});
await (await getMigrations(auth.options)).runMigrations();
const { user } = await auth.api.signUpEmail({
  body: { name: "bench", email: "bench@example.org", password: "correct horse battery staple" },
});
const tokens = [];
for (let index = 0; index < Number(keys); index += 1) {
  tokens.push((await auth.api.createApiKey({ body: { name: `key ${index}`, userId: user.id } })).key);
}
writeFileSync(tokensFile, tokens.join("\n") + "\n");

createServer(async (request, response) => {
  const { valid, key } = await auth.api.verifyApiKey({ body: { key: request.headers["x-api-key"] ?? "" } });
  response.writeHead(valid ? 200 : 401, valid ? { "x-principal": key.id } : {});
  response.end();
}).listen(Number(port), "127.0.0.1");
