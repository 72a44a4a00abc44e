//! A program as a user of the Rust SDK of openapi-generator would write it: create, find, update and delete a key.

use tessera_client::apis::configuration::Configuration;
use tessera_client::apis::{Error, api_keys_api as keys, personas_api as personas, users_api as users};
use tessera_client::models::{ApiKey, ApiKeyRequest, AtlanError, PersonaRequest};

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [base_url, token, name] = arguments.as_slice() else { panic!("BASE_URL TOKEN NAME") };
    let as_holder_of = |token: &str| Configuration {
        base_path: base_url.clone(),
        bearer_access_token: Some(token.to_owned()),
        ..Configuration::default()
    };
    let manager = as_holder_of(token);
    let before = personas::create_persona(&manager, PersonaRequest::new(format!("{name} before"))).await.unwrap();
    let after = personas::create_persona(&manager, PersonaRequest::new(format!("{name} after"))).await.unwrap();

    let wanted = ApiKeyRequest {
        description: Some(Some("generated".to_owned())),
        validity_seconds: Some(Some(3600)),
        persona_qualified_names: Some(Some(vec![before.qualified_name.clone()])),
        ..ApiKeyRequest::new(name.clone())
    };
    let created = keys::create_api_key(&manager, wanted, None).await.unwrap();
    assert_eq!(created.attributes.access_token_lifespan, "3600");
    assert_eq!(linked_to(&created), [before.qualified_name.as_str()]);

    let filter = serde_json::json!({"displayName": name}).to_string();
    let found = keys::list_api_keys(&manager, Some(&filter), Some("-createdAt"), Some(2), None, None, None).await.unwrap();
    assert_eq!((found.filter_record, &found.records[0].id), (Some(1), &created.id));

    let renamed = ApiKeyRequest {
        persona_qualified_names: Some(Some(vec![after.qualified_name.clone()])),
        ..ApiKeyRequest::new(format!("{name} renamed"))
    };
    let updated = keys::update_api_key(&manager, &created.id, renamed, None).await.unwrap();
    assert_eq!(keys::get_api_key(&manager, &created.id).await.unwrap().display_name, format!("{name} renamed"));
    assert_eq!(linked_to(&updated), [after.qualified_name.as_str()]);
    let unlinked = keys::update_api_key(&manager, &created.id, ApiKeyRequest::new(name.clone()), None).await.unwrap();
    assert!(linked_to(&unlinked).is_empty());

    let itself = as_holder_of(&created.attributes.access_token.clone().flatten().unwrap());
    let username = users::get_current_user(&itself).await.unwrap().username;
    assert_eq!(username, format!("service-account-{}", created.client_id));
    keys::delete_api_key(&manager, &created.id).await.unwrap();
    assert_eq!(error_of(users::get_current_user(&itself).await).code, 401);
    assert_eq!(error_of(keys::get_api_key(&manager, &created.id).await).error_code, "TESSERA-404-001");
    let broken = keys::list_api_keys(&manager, Some("{"), None, None, None, None, None).await;
    assert_eq!(error_of(broken).causes[0].location, "filter");
}

fn linked_to(key: &ApiKey) -> Vec<&str> {
    key.attributes.persona_qualified_name.iter().map(|link| link.persona_qualified_name.as_str()).collect()
}

fn error_of<T, E>(answer: Result<T, Error<E>>) -> AtlanError {
    match answer {
        Err(Error::ResponseError(refused)) => serde_json::from_str(&refused.content).unwrap(),
        Err(other) => panic!("{other}"),
        Ok(_) => panic!("the call succeeds"),
    }
}
