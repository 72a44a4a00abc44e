// A program as a user of the generated TypeScript SDK would write it: create, find, update and delete a key.

import { APIKeysApi, ApiToken, Configuration, ResponseError, UsersApi } from "./generated";

declare const process: { argv: string[]; exitCode: number };

const [baseUrl, token, name] = process.argv.slice(2) as [string, string, string];

function check(condition: boolean, claim: string): void {
    if (!condition) throw new Error(claim);
}

async function statusOf(call: Promise<unknown>): Promise<number> {
    try {
        await call;
        return 200;
    } catch (error) {
        if (error instanceof ResponseError) return error.response.status;
        throw error;
    }
}

async function main(): Promise<void> {
    const keys = new APIKeysApi(new Configuration({ basePath: baseUrl, accessToken: token }));
    const created = await keys.createApiKey({
        apiTokenRequest: { displayName: name, description: "generated", validitySeconds: 3600 },
    });
    check(created.attributes.accessTokenLifespan === "3600", "the validity is kept");

    const found = await keys.listApiKeys({ filter: JSON.stringify({ displayName: name }), sort: "-createdAt", limit: 2 });
    const listed: ApiToken | undefined = found.records[0];
    check(found.filterRecord === 1 && listed?.id === created.id, "the key is found");

    const updated = await keys.updateApiKey({ guid: created.id, apiTokenRequest: { displayName: `${name} renamed` } });
    const read = await keys.getApiKey({ guid: created.id });
    check(updated.displayName === `${name} renamed` && read.displayName === updated.displayName, "the key is renamed");

    const itself = new UsersApi(new Configuration({ basePath: baseUrl, accessToken: created.attributes.accessToken ?? "" }));
    const current = await itself.getCurrentUser();
    check(current.username === `service-account-${created.clientId}`, "the key acts as itself");
    await keys.deleteApiKey({ guid: created.id });
    check((await statusOf(itself.getCurrentUser())) === 401, "the deleted key is refused");
    check((await statusOf(keys.getApiKey({ guid: created.id }))) === 404, "the deleted key is not found");
    check((await statusOf(keys.listApiKeys({ filter: "{" }))) === 400, "the broken filter is refused");
}

main().catch((error: unknown) => {
    console.error(error);
    process.exitCode = 1;
});
