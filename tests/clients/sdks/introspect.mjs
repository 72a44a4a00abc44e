// Introspects a token as oauth4webapi and openid-client do, with each of their ways to authenticate.
// introspect.mjs NODE_MODULES BASE_URL CLIENT_ID TOKEN; prints one line for each way: its name, and what came of it.
import { pathToFileURL } from "node:url";

const [modules, server, id, token] = process.argv.slice(2);
const load = (file) => import(pathToFileURL(`${modules}/${file}`));
const oauth = await load("oauth4webapi/build/index.js");
const openid = await load("openid-client/build/index.js");

const told = {
    issuer: server,
    introspection_endpoint: `${server}/oauth/introspect`,
};
const insecure = { [oauth.allowInsecureRequests]: true };

async function low(secret, authentication, asked = token) {
    const client = { client_id: id };
    const answer = await oauth.introspectionRequest(told, client, authentication(secret), asked, insecure);
    return oauth.processIntrospectionResponse(told, client, answer);
}

async function high(secret, authentication) {
    const configuration = new openid.Configuration(told, id, secret, authentication?.(secret));
    openid.allowInsecureRequests(configuration);
    return openid.tokenIntrospection(configuration, token);
}

const ways = {
    "oauth4webapi basic": () => low(token, oauth.ClientSecretBasic),
    "oauth4webapi post": () => low(token, oauth.ClientSecretPost),
    "openid-client basic": () => high(token, openid.ClientSecretBasic),
    "openid-client post": () => high(token, openid.ClientSecretPost),
    "openid-client default": () => high(token),
    "oauth4webapi wrong": () => low("wrong", oauth.ClientSecretBasic),
    "openid-client wrong": () => high("wrong"),
    "oauth4webapi unknown": () => low(token, oauth.ClientSecretBasic, "unknown"),
};
for (const [name, way] of Object.entries(ways)) {
    const outcome = await way().then(
        (answer) => `active ${answer.active}`,
        (error) => `${error.status} ${error.cause?.[0]?.scheme ?? error.error}`,
    );
    console.log(`${name}: ${outcome}`);
}
