// A program as a user of the generated TypeScript SDK would write it: create, find, update and delete a key.

import {
    APIKeysApi, ApiKey, AtlanError, AtlanErrorFromJSON, Configuration, PersonasApi, ResponseError, UsersApi,
} from "./sdk";

declare const process: { argv: string[]; exitCode: number };

const [baseUrl, token, name] = process.argv.slice(2) as [string, string, string];

function check(condition: boolean, claim: string): void {
    if (!condition) throw new Error(claim);
}

async function errorOf(call: Promise<unknown>): Promise<AtlanError | undefined> {
    try {
        await call;
        return undefined;
    } catch (error) {
        if (error instanceof ResponseError) return AtlanErrorFromJSON(await error.response.json());
        throw error;
    }
}

function linkedTo(key: ApiKey): string {
    return key.attributes.personaQualifiedName.map((link) => link.personaQualifiedName).join();
}

async function main(): Promise<void> {
    const configuration = new Configuration({ basePath: baseUrl, accessToken: token });
    const personas = new PersonasApi(configuration);
    const before = await personas.createPersona({ personaRequest: { name: `${name} before` } });
    const after = await personas.createPersona({ personaRequest: { name: `${name} after` } });

    const keys = new APIKeysApi(configuration);
    const created = await keys.createApiKey({
        apiKeyRequest: {
            displayName: name,
            description: "generated",
            validitySeconds: 3600,
            personaQualifiedNames: [before.qualifiedName],
        },
    });
    check(created.attributes.accessTokenLifespan === "3600", "the validity is kept");
    check(linkedTo(created) === before.qualifiedName, "the persona is linked");

    const found = await keys.listApiKeys({ filter: JSON.stringify({ displayName: name }), sort: "-createdAt", limit: 2 });
    const listed: ApiKey | undefined = found.records[0];
    check(found.filterRecord === 1 && listed?.id === created.id, "the key is found");

    const renamed = { displayName: `${name} renamed`, personaQualifiedNames: [after.qualifiedName] };
    const updated = await keys.updateApiKey({ guid: created.id, apiKeyRequest: renamed });
    const read = await keys.getApiKey({ guid: created.id });
    check(updated.displayName === `${name} renamed` && read.displayName === updated.displayName, "the key is renamed");
    check(linkedTo(updated) === after.qualifiedName, "the links are replaced");
    const unlinked = await keys.updateApiKey({ guid: created.id, apiKeyRequest: { displayName: name } });
    check(linkedTo(unlinked) === "", "what is left out is unlinked");

    const itself = new UsersApi(new Configuration({ basePath: baseUrl, accessToken: created.attributes.accessToken ?? "" }));
    const current = await itself.getCurrentUser();
    check(current.username === `service-account-${created.clientId}`, "the key acts as itself");
    await keys.deleteApiKey({ guid: created.id });
    check((await errorOf(itself.getCurrentUser()))?.code === 401, "the deleted key is refused");
    check((await errorOf(keys.getApiKey({ guid: created.id })))?.errorCode === "TESSERA-404-001", "the deleted key is gone");
    check((await errorOf(keys.listApiKeys({ filter: "{" })))?.causes[0]?.location === "filter", "the broken filter is named");
}

main().catch((error: unknown) => {
    console.error(error);
    process.exitCode = 1;
});
