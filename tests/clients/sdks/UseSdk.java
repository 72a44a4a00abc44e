// A program as a user of the generated Java SDK would write it: create, find, update and delete a key.

import java.util.List;
import java.util.stream.Collectors;

import com.fasterxml.jackson.databind.ObjectMapper;

import org.tessera.ApiClient;
import org.tessera.ApiException;
import org.tessera.api.ApiKeysApi;
import org.tessera.api.PersonasApi;
import org.tessera.api.UsersApi;
import org.tessera.model.ApiKey;
import org.tessera.model.ApiKeyPage;
import org.tessera.model.ApiKeyRequest;
import org.tessera.model.AtlanError;
import org.tessera.model.LinkedPersona;
import org.tessera.model.Persona;
import org.tessera.model.PersonaRequest;

public final class UseSdk {
    interface Call {
        void make() throws ApiException;
    }

    public static void main(String[] arguments) throws Exception {
        String baseUrl = arguments[0];
        String name = arguments[2];
        ApiClient client = clientOf(baseUrl, arguments[1]);
        PersonasApi personas = new PersonasApi(client);
        Persona before = personas.createPersona(new PersonaRequest().name(name + " before"));
        Persona after = personas.createPersona(new PersonaRequest().name(name + " after"));

        ApiKeysApi keys = new ApiKeysApi(client);
        ApiKeyRequest wanted = new ApiKeyRequest().displayName(name).description("generated").validitySeconds(3600L)
            .personaQualifiedNames(List.of(before.getQualifiedName()));
        ApiKey created = keys.createApiKey(wanted, null);
        check(created.getAttributes().getAccessTokenLifespan().equals("3600"), "the validity is kept");
        check(linkedTo(created).equals(before.getQualifiedName()), "the persona is linked");

        ApiKeyPage found = keys.listApiKeys("{\"displayName\":\"" + name + "\"}", "-createdAt", 2L, null, null, null);
        check(found.getFilterRecord() == 1 && found.getRecords().get(0).getId().equals(created.getId()), "the key is found");

        ApiKeyRequest renamed = new ApiKeyRequest().displayName(name + " renamed")
            .personaQualifiedNames(List.of(after.getQualifiedName()));
        ApiKey updated = keys.updateApiKey(created.getId(), renamed, null);
        check(keys.getApiKey(created.getId()).getDisplayName().equals(name + " renamed"), "the key is renamed");
        check(linkedTo(updated).equals(after.getQualifiedName()), "the links are replaced");
        ApiKey unlinked = keys.updateApiKey(created.getId(), new ApiKeyRequest().displayName(name), null);
        check(linkedTo(unlinked).isEmpty(), "what is left out is unlinked");

        UsersApi itself = new UsersApi(clientOf(baseUrl, created.getAttributes().getAccessToken()));
        String username = itself.getCurrentUser().getUsername();
        check(username.equals("service-account-" + created.getClientId()), "the key acts as itself");
        keys.deleteApiKey(created.getId());
        check(errorOf(itself::getCurrentUser).getCode() == 401, "the deleted key is refused");
        AtlanError gone = errorOf(() -> keys.getApiKey(created.getId()));
        check(gone.getErrorCode().equals("TESSERA-404-001"), "the deleted key is gone");
        AtlanError broken = errorOf(() -> keys.listApiKeys("{", null, null, null, null, null));
        check(broken.getCauses().get(0).getLocation().equals("filter"), "the broken filter is named");
    }

    static ApiClient clientOf(String baseUrl, String token) {
        ApiClient client = new ApiClient();
        client.updateBaseUri(baseUrl);
        return client.setRequestInterceptor(request -> request.header("Authorization", "Bearer " + token));
    }

    static String linkedTo(ApiKey key) {
        List<LinkedPersona> links = key.getAttributes().getPersonaQualifiedName();
        return links.stream().map(LinkedPersona::getPersonaQualifiedName).collect(Collectors.joining(","));
    }

    static AtlanError errorOf(Call call) throws Exception {
        try {
            call.make();
        } catch (ApiException error) {
            return new ObjectMapper().readValue(error.getResponseBody(), AtlanError.class);
        }
        throw new AssertionError("the call succeeds");
    }

    static void check(boolean condition, String claim) {
        if (!condition) {
            throw new AssertionError(claim);
        }
    }
}
