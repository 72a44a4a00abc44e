// oidc-provider's introspection, with the adapter it comes with (in memory): `node oidc_provider.js PORT KEYS TOKENS_FILE`
import { writeFileSync } from "node:fs";
import Provider from "oidc-provider";

const [port, keys, tokensFile] = process.argv.slice(2);
const provider = new Provider(`http://127.0.0.1:${port}`, {
  ttl: { ClientCredentials: 24 * 60 * 60 },
  clients: [
    {
      client_id: "bench",
      client_secret: "bench",
      grant_types: ["client_credentials"],
      redirect_uris: [],
      response_types: [],
    },
  ],
  features: { clientCredentials: { enabled: true }, introspection: { enabled: true } },
});
const client = await provider.Client.find("bench");
const tokens = [];
for (let index = 0; index < Number(keys); index += 1) {
  tokens.push(await new provider.ClientCredentials({ client, scope: undefined }).save());
}
writeFileSync(tokensFile, tokens.join("\n") + "\n");
provider.listen(Number(port), "127.0.0.1");
