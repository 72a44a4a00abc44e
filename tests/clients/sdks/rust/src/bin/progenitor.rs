//! A program as a user of the Rust SDK of progenitor would write it: create, find, update and delete a key.

use std::num::NonZeroU64;

use progenitor::generate_api;
use reqwest::header::{AUTHORIZATION, HeaderMap};

generate_api!(spec = "../openapi-3.0.json", interface = Builder);

use types::{ApiKey, ApiKeyRequest, ApiKeyRequestDescription, AtlanError, PersonaRequest};

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [base_url, token, name] = arguments.as_slice() else { panic!("BASE_URL TOKEN NAME") };
    let as_holder_of = |token: &str| {
        let headers = HeaderMap::from_iter([(AUTHORIZATION, format!("Bearer {token}").parse().unwrap())]);
        Client::new_with_client(base_url, reqwest::Client::builder().default_headers(headers).build().unwrap())
    };
    let manager = as_holder_of(token);
    let mut personas = Vec::new();
    for moment in ["before", "after"] {
        let wanted = PersonaRequest::builder().name(format!("{name} {moment}"));
        personas.push(manager.create_persona().body(wanted).send().await.unwrap().qualified_name.clone());
    }
    let (before, after) = (&personas[0], &personas[1]);

    let wanted = |name: &str| ApiKeyRequest::builder().display_name(name);
    let request = wanted(name)
        .description(ApiKeyRequestDescription::try_from("generated").unwrap())
        .validity_seconds(NonZeroU64::new(3600))
        .persona_qualified_names(vec![before.clone()]);
    let created = manager.create_api_key().body(request).send().await.unwrap().into_inner();
    assert_eq!(created.attributes.access_token_lifespan, "3600");
    assert_eq!(linked_to(&created), [before]);

    let filter = serde_json::json!({"displayName": name}).to_string();
    let found = manager.list_api_keys().filter(filter).sort("-createdAt").limit(2).send().await.unwrap();
    assert_eq!((found.filter_record, &found.records[0].id), (Some(1), &created.id));

    let renamed = wanted(&format!("{name} renamed")).persona_qualified_names(vec![after.clone()]);
    let updated = manager.update_api_key().guid(&created.id).body(renamed).send().await.unwrap();
    let read = manager.get_api_key().guid(&created.id).send().await.unwrap();
    assert_eq!(read.display_name, format!("{name} renamed"));
    assert_eq!(linked_to(&updated), [after]);
    let unlinked = manager.update_api_key().guid(&created.id).body(wanted(name)).send().await.unwrap();
    assert!(linked_to(&unlinked).is_empty());

    let itself = as_holder_of(created.attributes.access_token.as_deref().unwrap());
    let username = itself.get_current_user().send().await.unwrap().username.clone();
    assert_eq!(username, format!("service-account-{}", created.client_id));
    manager.delete_api_key().guid(&created.id).send().await.unwrap();
    assert_eq!(error_of(itself.get_current_user().send().await).code, 401);
    assert_eq!(error_of(manager.get_api_key().guid(&created.id).send().await).error_code, "TESSERA-404-001");
    let broken = manager.list_api_keys().filter("{").send().await;
    assert_eq!(error_of(broken).causes[0].location, "filter");
}

fn linked_to(key: &ApiKey) -> Vec<&String> {
    key.attributes.persona_qualified_name.iter().map(|link| &link.persona_qualified_name).collect()
}

fn error_of<T: std::fmt::Debug>(answer: Result<T, Error<AtlanError>>) -> AtlanError {
    match answer {
        Err(Error::ErrorResponse(refused)) => refused.into_inner(),
        other => panic!("{other:?}"),
    }
}
