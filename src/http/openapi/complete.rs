//! Adds to each operation the errors and schemas that all operations of its kind share.

use std::collections::BTreeMap;

use utoipa::openapi::path::{HttpMethod, Operation};
use utoipa::openapi::schema::SchemaType;
use utoipa::openapi::{
    Components, OpenApi, PathItem, Ref, RefOr, Required, Response, Schema, SecurityRequirement, Type,
};

use super::case::{Case, is_datahub};
use super::errors::{self, Body};
use super::revocations;
use crate::http::problem::answers_as_oauth;

/// Completes a document.
pub(super) fn complete(document: &mut OpenApi) {
    let components = document.components.get_or_insert_default();
    inherit(components);
    let mut responses = BTreeMap::new();
    for (path, item) in &mut document.paths.paths {
        for (method, operation) in operations(item) {
            if revocations::takes_away(&method, path) {
                revocations::document(operation);
            }
            add_errors(path, operation, components, &mut responses);
            operation.parameters.iter_mut().flatten().for_each(never_null);
        }
    }
    components.responses.extend(responses);
}

fn operations(item: &mut PathItem) -> impl Iterator<Item = (HttpMethod, &mut Operation)> {
    let all = [
        (HttpMethod::Get, &mut item.get),
        (HttpMethod::Post, &mut item.post),
        (HttpMethod::Put, &mut item.put),
        (HttpMethod::Delete, &mut item.delete),
    ];
    all.into_iter().filter_map(|(method, operation)| Some((method, operation.as_mut()?)))
}

/// Adds the error responses: every operation with authentication can refuse the credential, the address or the rate;
/// every operation with a body can refuse the body.
fn add_errors(
    path: &str,
    operation: &mut Operation,
    components: &Components,
    responses: &mut BTreeMap<String, RefOr<Response>>,
) {
    let body = match path {
        _ if is_datahub(operation) => Body::DataHub,
        _ if answers_as_oauth(path) => Body::Oauth,
        _ => Body::Atlan,
    };
    let open = SecurityRequirement::default();
    let is_open = operation.security.as_ref().is_some_and(|allowed| allowed.contains(&open));
    let mut statuses: Vec<u16> = operation
        .responses
        .responses
        .keys()
        .filter_map(|status| status.parse().ok())
        .filter(|code| *code >= 400)
        .collect();
    if !is_open {
        statuses.extend([400, 401, 403, 429, 500, 503, 504]);
    }
    if operation.request_body.is_some() {
        statuses.extend([400, 408, 413, 415, 500, 503, 504]);
    }
    // `/readyz` answers 503 in plain text.
    statuses.retain(|status| path != "/readyz" || *status != 503);
    for status in statuses {
        let case = Case::of(path, operation, components, status);
        let name = errors::name(body, &case);
        let reference = Ref::from_response_name(name.clone());
        responses.entry(name).or_insert_with(|| errors::response(body, &case).into());
        operation.responses.responses.insert(status.to_string(), reference.into());
    }
}

/// Removes `null` from the type of an optional parameter: query strings and headers have no null.
fn never_null(parameter: &mut RefOr<utoipa::openapi::path::Parameter>) {
    let RefOr::T(parameter) = parameter else { return };
    if parameter.required == Required::True {
        return;
    }
    match &mut parameter.schema {
        Some(RefOr::T(Schema::Object(object))) => not_null(&mut object.schema_type),
        Some(RefOr::T(Schema::Array(array))) => not_null(&mut array.schema_type),
        Some(RefOr::T(Schema::OneOf(choice))) => {
            let reference = choice.items.iter().find(|item| matches!(item, RefOr::Ref(_))).cloned();
            if let Some(reference) = reference {
                parameter.schema = Some(reference);
            }
        }
        _ => {}
    }
}

fn not_null(types: &mut SchemaType) {
    if let SchemaType::Array(each) = types {
        each.retain(|each| *each != Type::Null);
        if let [only] = each.as_slice() {
            *types = SchemaType::Type(only.clone());
        }
    }
}

/// In a batch, each evaluation inherits missing members from the defaults (`AuthZEN` Authorization API, section 7.1.1). So
/// the schemas of both, `…Part`, require nothing.
fn inherit(components: &mut Components) {
    const WHOLE: [&str; 3] = ["AccessEntity", "AccessAction", "AccessEvaluation"];
    for name in WHOLE {
        let Some(RefOr::T(Schema::Object(whole))) = components.schemas.get(name) else { continue };
        let mut part = whole.clone();
        part.required.clear();
        part.example = None;
        for property in part.properties.values_mut() {
            to_parts(property);
        }
        let about = part.description.unwrap_or_default();
        part.description = Some(format!("{about} What it leaves out is inherited."));
        components.schemas.insert(format!("{name}Part"), Schema::Object(part).into());
    }
    if let Some(RefOr::T(Schema::Object(several))) = components.schemas.get_mut("AccessEvaluations") {
        several.properties.values_mut().for_each(to_parts);
        several.min_properties = Some(1);
    }
}

/// Replaces references to a schema by references to its `…Part`.
fn to_parts(schema: &mut RefOr<Schema>) {
    match schema {
        RefOr::Ref(reference) => {
            let name = reference.ref_location.rsplit('/').next().unwrap_or_default();
            if ["AccessEntity", "AccessAction", "AccessEvaluation"].contains(&name) {
                reference.ref_location += "Part";
            }
        }
        RefOr::T(Schema::Array(array)) => {
            if let utoipa::openapi::schema::ArrayItems::RefOrSchema(items) = &mut array.items {
                to_parts(items);
            }
        }
        RefOr::T(Schema::OneOf(choice)) => choice.items.iter_mut().for_each(to_parts),
        RefOr::T(_) => {}
    }
}
