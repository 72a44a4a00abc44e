// npm's oidc-provider, certified for OpenID Connect, with everybody who comes signed in at once.
//
// node provider.mjs MODULES ISSUER TESSERA SECRET [CERTIFICATE KEY]: prints "ready". A line {"person": {…}} on its standard
// input says who comes next; it answers "done".
import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { createServer as createSecureServer } from 'node:https';
import { createInterface } from 'node:readline';
import { pathToFileURL } from 'node:url';

const [modules, issuer, tessera, secret, certificate, privateKey] = process.argv.slice(2);
const { Provider } = await import(pathToFileURL(`${modules}/oidc-provider/lib/index.js`));

let person = { sub: 'nobody' };
const people = new Map();

function key() {
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  return { ...privateKey.export({ format: 'jwk' }), kid: randomBytes(4).toString('hex'), alg: 'RS256', use: 'sig' };
}

const provider = new Provider(issuer, {
  clients: [
    {
      client_id: 'tessera',
      client_secret: secret,
      redirect_uris: [`${tessera}/login/certified/callback`],
      post_logout_redirect_uris: [`${tessera}/login`],
      backchannel_logout_uri: `${tessera}/oauth/backchannel-logout/certified`,
      backchannel_logout_session_required: true,
      response_types: ['code'],
      grant_types: ['authorization_code'],
    },
  ],
  claims: { openid: ['sub'], profile: ['preferred_username', 'name'], email: ['email'], groups: ['groups'] },
  scopes: ['openid', 'profile', 'email', 'groups'],
  conformIdTokenClaims: false,
  cookies: { keys: [randomBytes(16).toString('hex')] },
  features: {
    devInteractions: { enabled: false },
    backchannelLogout: { enabled: true },
    rpInitiatedLogout: { enabled: true },
  },
  interactions: { url: (_, interaction) => `/interaction/${interaction.uid}` },
  findAccount: (_, id) => ({ accountId: id, claims: () => people.get(id) }),
  jwks: { keys: [key()] },
  pkce: { required: () => true },
  // It sends nothing to loopback addresses by itself, and Tessera is at one.
  fetch: (url, { dispatcher, ...options }) => globalThis.fetch(url, options),
  // Nobody is asked whether Tessera may know who they are.
  async loadExistingGrant(ctx) {
    const { client, session } = ctx.oidc;
    const grant = new ctx.oidc.provider.Grant({ clientId: client.clientId, accountId: session.accountId });
    grant.addOIDCScope('openid profile email groups');
    await grant.save();
    return grant;
  },
});

provider.use(async (ctx, next) => {
  if (!ctx.path.startsWith('/interaction/')) return next();
  people.set(person.sub, person);
  await provider.interactionFinished(ctx.req, ctx.res, { login: { accountId: person.sub } });
  ctx.respond = false;
});

const server = certificate
  ? createSecureServer({ cert: readFileSync(certificate), key: readFileSync(privateKey) }, provider.callback())
  : createServer(provider.callback());
server.listen(Number(new URL(issuer).port), '127.0.0.1', () => console.log('ready'));

createInterface({ input: process.stdin }).on('line', (line) => {
  const order = JSON.parse(line);
  if (order.person) person = order.person;
  console.log('done');
});
process.stdin.on('end', () => process.exit(0));
