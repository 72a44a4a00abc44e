// oauth4webapi as a client and as a resource server of Tessera.
//
// node oauth4webapi.mjs MODULES INPUT: INPUT is JSON {server, id, secret, jwk, audience}; prints what came of it as JSON.
import { pathToFileURL } from 'node:url';

const [modules, input] = process.argv.slice(2);
const oauth = await import(pathToFileURL(`${modules}/oauth4webapi/build/index.js`));
const { server, id, secret, jwk, audience } = JSON.parse(input);
const insecure = { [oauth.allowInsecureRequests]: true };
const issuer = new URL(server);
const client = { client_id: id };
const privateKey = {
  key: await crypto.subtle.importKey('jwk', jwk, { name: 'ECDSA', namedCurve: 'P-256' }, false, ['sign']),
  kid: jwk.kid,
};
const EXCHANGE = 'urn:ietf:params:oauth:grant-type:token-exchange';
const ACCESS_TOKEN = 'urn:ietf:params:oauth:token-type:access_token';

const found = await oauth.discoveryRequest(issuer, { algorithm: 'oauth2', ...insecure });
const as = await oauth.processDiscoveryResponse(issuer, found);
const ways = {
  basic: oauth.ClientSecretBasic(secret),
  post: oauth.ClientSecretPost(secret),
  private_key_jwt: oauth.PrivateKeyJwt(privateKey),
};

async function credentials(parameters = {}, way = ways.basic, options = {}) {
  const answer = await oauth.clientCredentialsGrantRequest(as, client, way, parameters, { ...insecure, ...options });
  return oauth.processClientCredentialsResponse(as, client, answer);
}

async function exchange(parameters, options = {}) {
  const all = { subject_token_type: ACCESS_TOKEN, ...parameters };
  const answer = await oauth.genericTokenEndpointRequest(as, client, ways.basic, EXCHANGE, all, { ...insecure, ...options });
  return oauth.processGenericTokenEndpointResponse(as, client, answer);
}

async function introspect(token, way = ways.basic) {
  return oauth.processIntrospectionResponse(as, client, await oauth.introspectionRequest(as, client, way, token, insecure));
}

async function introspectSigned(token) {
  const receiver = { ...client, introspection_signed_response_alg: 'ES256' };
  const options = { ...insecure, requestJwtResponse: true };
  const answer = await oauth.introspectionRequest(as, receiver, ways.basic, token, options);
  const told = await oauth.processIntrospectionResponse(as, receiver, answer);
  await oauth.validateApplicationLevelSignature(as, answer, insecure);
  return told;
}

// What a resource server finds out about a request.
async function received(token, expected, headers = {}) {
  const request = new Request(`${server}/anything`, { headers: { authorization: `Bearer ${token}`, ...headers } });
  return oauth.validateJwtAccessToken(as, request, expected, { ...insecure, signingAlgorithms: ['ES256'] });
}

const outcome = (promise) =>
  promise.then(
    (value) => value ?? 'done',
    (error) => ({ error: error.error ?? error.code, status: error.status, challenges: error.cause?.map?.((each) => each) }),
  );

const told = { metadata: as };
for (const [name, way] of Object.entries(ways)) told[name] = await outcome(credentials({}, way));
told.wrong = await outcome(credentials({}, oauth.ClientSecretBasic('wrong')));
told.foreign = await outcome(credentials({ resource: 'https://foreign.example.org/' }));
const bound = await credentials({ resource: audience, scope: 'VIEW_USERS' });
told.validated = await outcome(received(bound.access_token, audience));
told.otherAudience = await outcome(received(bound.access_token, server));
told.tampered = await outcome(received(bound.access_token.replace(/.{8}$/, 'AAAAAAAA'), audience));
told.exchanged = await outcome(exchange({ subject_token: told.basic.access_token, scope: 'VIEW_USERS', resource: audience }));
told.exceeding = await outcome(exchange({ subject_token: told.exchanged.access_token, scope: 'VIEW_AUDIT' }));
told.introspected = await outcome(introspect(told.exchanged.access_token));
told.introspectedByPost = await outcome(introspect(told.exchanged.access_token, ways.post));
told.signed = await outcome(introspectSigned(told.exchanged.access_token));
const revoke = (token) => oauth.revocationRequest(as, client, ways.basic, token, insecure).then(oauth.processRevocationResponse);
told.revoked = await outcome(revoke(told.basic.access_token));
told.revokedUnknown = await outcome(revoke('unknown'));
told.introspectedAfterwards = await outcome(introspect(told.exchanged.access_token));

// A token that is bound to a key. With a nonce on demand, the first request is refused and the second has the nonce.
const keyPair = await oauth.generateKeyPair('ES256');
const DPoP = oauth.DPoP(client, keyPair);
async function withNonce(what) {
  try {
    return await what();
  } catch (error) {
    if (!oauth.isDPoPNonceError(error)) throw error;
    told.nonces = (told.nonces ?? 0) + 1;
    return what();
  }
}
told.proved = await outcome(withNonce(() => credentials({ scope: 'VIEW_USERS' }, ways.private_key_jwt, { DPoP })));
const url = new URL(`${server}/api/service/users/current`);
const get = (headers, options) =>
  oauth.protectedResourceRequest(told.proved.access_token, 'GET', url, new Headers(headers), null, { ...insecure, ...options });
told.used = await outcome(withNonce(() => get({}, { DPoP })).then((answer) => answer.json()));
told.usedWithoutProof = await outcome(get({}, {}));
told.provedIntrospected = await outcome(introspect(told.proved.access_token));
told.thumbprint = await DPoP.calculateThumbprint();

// RFC 9728.
const resource = await oauth.resourceDiscoveryRequest(issuer, insecure);
told.resource = await oauth.processResourceDiscoveryResponse(issuer, resource);
told.challenged = await outcome(oauth.protectedResourceRequest('unknown', 'GET', url, new Headers(), null, insecure));
console.log(JSON.stringify(told));
