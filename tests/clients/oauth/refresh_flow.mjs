// Stays signed in as openid-client and oauth4webapi do, and uses a refresh token twice.
// refresh_flow.mjs NODE_MODULES BASE_URL CLIENT_ID [dpop]; prints the user code, and when somebody has approved what came of it.
import { pathToFileURL } from "node:url";

const [modules, server, id, dpop] = process.argv.slice(2);
const openid = await import(pathToFileURL(`${modules}/openid-client/build/index.js`));
const oauth = await import(pathToFileURL(`${modules}/oauth4webapi/build/index.js`));

const configuration = await openid.discovery(new URL(server), id, undefined, openid.None(), {
    algorithm: "oauth2",
    execute: [openid.allowInsecureRequests],
});
const asked = await openid.initiateDeviceAuthorization(configuration, { scope: "offline_access" });
console.log(`code: ${asked.user_code}`);

const keys = await oauth.generateKeyPair("ES256");
const bound = dpop ? { DPoP: openid.getDPoPHandle(configuration, keys) } : {};
const first = await openid.pollDeviceAuthorizationGrant(configuration, asked, undefined, bound);
const second = await openid.refreshTokenGrant(configuration, first.refresh_token, undefined, bound);

const as = configuration.serverMetadata();
const client = { client_id: id };
const options = { [oauth.allowInsecureRequests]: true, ...(dpop ? { DPoP: oauth.DPoP(client, keys) } : {}) };
const refresh = async (token) =>
    oauth.processRefreshTokenResponse(
        as,
        client,
        await oauth.refreshTokenGrantRequest(as, client, oauth.None(), token, options),
    );
const third = await refresh(second.refresh_token);
const error = (of) => of.then(() => "accepted", (error) => error.error ?? String(error));
const reused = await error(refresh(first.refresh_token));
const latest = await error(openid.refreshTokenGrant(configuration, third.refresh_token, undefined, bound));
await openid.tokenRevocation(configuration, third.refresh_token);
const tokens = [first, second, third];
console.log(
    JSON.stringify({
        types: tokens.map((token) => token.token_type),
        different: new Set(tokens.map((token) => token.refresh_token)).size,
        access_token: third.access_token,
        reused,
        latest,
    }),
);
