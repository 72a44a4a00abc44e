// An agent with the official MCP client for TypeScript.
//
// node agent.mjs MODULES INPUT: INPUT is JSON {url, issuer} with {id, secret}, or {id, key} of a private key in PEM. For each
// line with the name of a tool on standard input it calls the tool and prints what came of it as JSON.
import { createInterface } from 'node:readline';
import { pathToFileURL } from 'node:url';

const [modules, input] = process.argv.slice(2);
const mcp = await import(pathToFileURL(`${modules}/@modelcontextprotocol/client/dist/index.mjs`));
const { url, issuer, id, secret, key } = JSON.parse(input);
const say = (told) => console.log(JSON.stringify(told));

const authProvider = secret
  ? new mcp.ClientCredentialsProvider({ clientId: id, clientSecret: secret, expectedIssuer: issuer })
  : new mcp.PrivateKeyJwtProvider({ clientId: id, privateKey: key, algorithm: 'ES256', expectedIssuer: issuer });
const client = new mcp.Client({ name: 'agent', version: '1.0.0' });
try {
  await client.connect(new mcp.StreamableHTTPClientTransport(new URL(url), { authProvider }));
  const { tools } = await client.listTools();
  say({ tools: tools.map((tool) => tool.name).sort() });
  for await (const name of createInterface({ input: process.stdin })) {
    try {
      const result = await client.callTool({ name, arguments: {} });
      say({ [result.isError ? 'failed' : 'told']: result.content[0].text });
    } catch (error) {
      say({ failed: `${error}` });
    }
  }
} catch (error) {
  say({ failed: `${error}` });
}
process.exit(0);
