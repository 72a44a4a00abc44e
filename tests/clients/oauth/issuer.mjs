// npm's oidc-provider in the part of GitHub's, GitLab's or Kubernetes' issuer: its documents, and ID tokens that its key signs.
//
// node issuer.mjs MODULES ISSUER: prints "ready". For a line {head, claims, foreign} on its standard input it prints a token
// with this head and these claims; a `foreign` one is signed by another key.
import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { createServer } from 'node:http';
import { createInterface } from 'node:readline';
import { pathToFileURL } from 'node:url';

const [modules, issuer] = process.argv.slice(2);
const { Provider } = await import(pathToFileURL(`${modules}/oidc-provider/lib/index.js`));
const { SignJWT } = await import(pathToFileURL(`${modules}/jose/dist/webapi/index.js`));

const pair = () => generateKeyPairSync('rsa', { modulusLength: 2048 });
const own = pair();
const foreign = pair();
const kid = randomBytes(4).toString('hex');
const jwk = { ...own.privateKey.export({ format: 'jwk' }), kid, alg: 'RS256', use: 'sig' };
const provider = new Provider(issuer, {
  clients: [],
  cookies: { keys: [randomBytes(16).toString('hex')] },
  features: { devInteractions: { enabled: false } },
  jwks: { keys: [jwk] },
});
createServer(provider.callback()).listen(Number(new URL(issuer).port), '127.0.0.1', () => console.log('ready'));

for await (const line of createInterface({ input: process.stdin })) {
  const order = JSON.parse(line);
  const head = { alg: 'RS256', kid, typ: 'JWT', ...order.head };
  const key = order.foreign ? foreign.privateKey : own.privateKey;
  console.log(await new SignJWT(order.claims).setProtectedHeader(head).sign(key));
}
process.exit(0);
