// openid-client as a client of Tessera.
//
// node openid_client.mjs MODULES INPUT: INPUT is JSON {server, id, secret, jwk, audience}; prints what came of it as JSON.
import { pathToFileURL } from 'node:url';

const [modules, input] = process.argv.slice(2);
const openid = await import(pathToFileURL(`${modules}/openid-client/build/index.js`));
const { server, id, secret, jwk, audience } = JSON.parse(input);
const EXCHANGE = 'urn:ietf:params:oauth:grant-type:token-exchange';
const ACCESS_TOKEN = 'urn:ietf:params:oauth:token-type:access_token';
const key = await crypto.subtle.importKey('jwk', jwk, { name: 'ECDSA', namedCurve: 'P-256' }, false, ['sign']);
const ways = {
  default: [secret],
  basic: [secret, openid.ClientSecretBasic(secret)],
  post: [secret, openid.ClientSecretPost(secret)],
  private_key_jwt: [undefined, openid.PrivateKeyJwt({ key, kid: jwk.kid })],
};
const configured = ([metadata, way]) =>
  openid.discovery(new URL(server), id, metadata, way, { algorithm: 'oauth2', execute: [openid.allowInsecureRequests] });

const told = {};
for (const [name, way] of Object.entries(ways)) {
  told[name] = await openid.clientCredentialsGrant(await configured(way));
}
const configuration = await configured(ways.basic);
told.metadata = configuration.serverMetadata();
told.exchanged = await openid.genericGrantRequest(configuration, EXCHANGE, {
  subject_token: told.basic.access_token,
  subject_token_type: ACCESS_TOKEN,
  scope: 'VIEW_USERS',
  resource: audience,
});
told.introspected = await openid.tokenIntrospection(configuration, told.exchanged.access_token);
await openid.tokenRevocation(configuration, told.exchanged.access_token);
told.introspectedAfterwards = await openid.tokenIntrospection(configuration, told.exchanged.access_token);
const DPoP = openid.getDPoPHandle(configuration, await openid.randomDPoPKeyPair('ES256'));
told.proved = await openid.clientCredentialsGrant(configuration, { scope: 'VIEW_USERS' }, { DPoP });
const url = new URL(`${server}/api/service/users/current`);
const used = await openid.fetchProtectedResource(configuration, told.proved.access_token, url, 'GET', null, undefined, { DPoP });
told.used = await used.json();
console.log(JSON.stringify(told));
