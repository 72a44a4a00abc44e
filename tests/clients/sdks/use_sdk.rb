# A program as a user of the generated Ruby SDK would write it: create, find, update and delete a key.

require 'json'
require 'tessera_client'

BASE_URL, TOKEN, NAME = ARGV

def client_of(token)
  configuration = TesseraClient::Configuration.new
  configuration.scheme, configuration.host = BASE_URL.split('://')
  configuration.access_token = token
  TesseraClient::ApiClient.new(configuration)
end

def check(condition, claim)
  raise claim unless condition
end

def linked_to(key)
  key.attributes.persona_qualified_name.map(&:persona_qualified_name)
end

def error_of
  yield
  raise 'the call succeeds'
rescue TesseraClient::ApiError => e
  TesseraClient::AtlanError.build_from_hash(JSON.parse(e.response_body))
end

client = client_of(TOKEN)
personas = TesseraClient::PersonasApi.new(client)
before, after = %w[before after].map { |moment| personas.create_persona(TesseraClient::PersonaRequest.new(name: "#{NAME} #{moment}")) }

keys = TesseraClient::APIKeysApi.new(client)
created = keys.create_api_key(
  TesseraClient::ApiKeyRequest.new(
    display_name: NAME, description: 'generated', validity_seconds: 3600, persona_qualified_names: [before.qualified_name]
  )
)
check(created.attributes.access_token_lifespan == '3600', 'the validity is kept')
check(linked_to(created) == [before.qualified_name], 'the persona is linked')

found = keys.list_api_keys(filter: { displayName: NAME }.to_json, sort: '-createdAt', limit: 2)
check([found.filter_record, found.records[0].id] == [1, created.id], 'the key is found')

renamed = TesseraClient::ApiKeyRequest.new(display_name: "#{NAME} renamed", persona_qualified_names: [after.qualified_name])
updated = keys.update_api_key(created.id, renamed)
check(keys.get_api_key(created.id).display_name == "#{NAME} renamed", 'the key is renamed')
check(linked_to(updated) == [after.qualified_name], 'the links are replaced')
unlinked = keys.update_api_key(created.id, TesseraClient::ApiKeyRequest.new(display_name: NAME))
check(linked_to(unlinked).empty?, 'what is left out is unlinked')

itself = TesseraClient::UsersApi.new(client_of(created.attributes.access_token))
check(itself.get_current_user.username == "service-account-#{created.client_id}", 'the key acts as itself')
keys.delete_api_key(created.id)
check(error_of { itself.get_current_user }.code == 401, 'the deleted key is refused')
check(error_of { keys.get_api_key(created.id) }.error_code == 'TESSERA-404-001', 'the deleted key is gone')
check(error_of { keys.list_api_keys(filter: '{') }.causes[0].location == 'filter', 'the broken filter is named')
