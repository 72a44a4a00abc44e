// A program as a user of the generated Go SDK would write it: create, find, update and delete a key.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"

	tessera "example.org/tessera/sdk"
)

func main() {
	baseURL, token, name := os.Args[1], os.Args[2], os.Args[3]
	configuration := tessera.NewConfiguration()
	configuration.Servers = tessera.ServerConfigurations{{URL: baseURL}}
	client := tessera.NewAPIClient(configuration)
	as := func(token string) context.Context {
		return context.WithValue(context.Background(), tessera.ContextAccessToken, token)
	}
	manager, keys := as(token), client.APIKeysAPI

	newPersona := func(name string) string {
		request := client.PersonasAPI.CreatePersona(manager).PersonaRequest(*tessera.NewPersonaRequest(name))
		return must(request.Execute()).QualifiedName
	}
	before, after := newPersona(name+" before"), newPersona(name+" after")

	wanted := tessera.NewApiKeyRequest(name)
	wanted.SetDescription("generated")
	wanted.SetValiditySeconds(3600)
	wanted.SetPersonaQualifiedNames([]string{before})
	created := must(keys.CreateApiKey(manager).ApiKeyRequest(*wanted).Execute())
	check(created.Attributes.AccessTokenLifespan == "3600", "the validity is kept")
	check(linkedTo(created) == before, "the persona is linked")

	filter := fmt.Sprintf(`{"displayName":%q}`, name)
	found := must(keys.ListApiKeys(manager).Filter(filter).Sort("-createdAt").Limit(2).Execute())
	check(found.GetFilterRecord() == 1 && found.Records[0].Id == created.Id, "the key is found")

	renamed := tessera.NewApiKeyRequest(name + " renamed")
	renamed.SetPersonaQualifiedNames([]string{after})
	updated := must(keys.UpdateApiKey(manager, created.Id).ApiKeyRequest(*renamed).Execute())
	check(must(keys.GetApiKey(manager, created.Id).Execute()).DisplayName == name+" renamed", "the key is renamed")
	check(linkedTo(updated) == after, "the links are replaced")
	unlinked := keys.UpdateApiKey(manager, created.Id).ApiKeyRequest(*tessera.NewApiKeyRequest(name))
	check(linkedTo(must(unlinked.Execute())) == "", "what is left out is unlinked")

	itself := client.UsersAPI.GetCurrentUser(as(created.Attributes.GetAccessToken()))
	check(must(itself.Execute()).Username == "service-account-"+created.ClientId, "the key acts as itself")
	_, err := keys.DeleteApiKey(manager, created.Id).Execute()
	check(err == nil, "the key is deleted")
	_, _, err = itself.Execute()
	check(errorOf(err).Code == 401, "the deleted key is refused")
	_, _, err = keys.GetApiKey(manager, created.Id).Execute()
	check(errorOf(err).ErrorCode == "TESSERA-404-001", "the deleted key is gone")
	_, _, err = keys.ListApiKeys(manager).Filter("{").Execute()
	check(errorOf(err).Causes[0].Location == "filter", "the broken filter is named")
}

func must[T, Response any](answer T, _ Response, err error) T {
	check(err == nil, fmt.Sprint(err))
	return answer
}

func errorOf(err error) tessera.AtlanError {
	var refused *tessera.GenericOpenAPIError
	check(errors.As(err, &refused), fmt.Sprint(err))
	told, typed := refused.Model().(tessera.AtlanError)
	check(typed, "the error has a type")
	return told
}

func linkedTo(key *tessera.ApiKey) string {
	var names []string
	for _, link := range key.Attributes.PersonaQualifiedName {
		names = append(names, link.PersonaQualifiedName)
	}
	return strings.Join(names, ",")
}

func check(condition bool, claim string) {
	if !condition {
		panic(claim)
	}
}
