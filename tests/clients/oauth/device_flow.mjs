// Signs in as openid-client does on a machine without a browser.
// device_flow.mjs NODE_MODULES BASE_URL CLIENT_ID; prints the user code, and when somebody has decided what came of it.
import { pathToFileURL } from "node:url";

const [modules, server, id] = process.argv.slice(2);
const openid = await import(pathToFileURL(`${modules}/openid-client/build/index.js`));

const configuration = await openid.discovery(new URL(server), id, undefined, openid.None(), {
    algorithm: "oauth2",
    execute: [openid.allowInsecureRequests],
});
const asked = await openid.initiateDeviceAuthorization(configuration, {});
console.log(`code: ${asked.user_code}`);
const outcome = await openid.pollDeviceAuthorizationGrant(configuration, asked).then(
    (tokens) => `token: ${tokens.access_token}`,
    (error) => `error: ${error.error ?? error}`,
);
console.log(outcome);
