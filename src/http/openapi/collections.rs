//! How the OpenAPI document describes collections: query parameters, pages and `Link` headers.

use std::borrow::Cow;
use std::marker::PhantomData;

use serde_json::{Value, json};
use utoipa::openapi::header::HeaderBuilder;
use utoipa::openapi::path::{Operation, Parameter, ParameterBuilder, ParameterIn};
use utoipa::openapi::schema::{ArrayBuilder, SchemaFormat, SchemaType};
use utoipa::openapi::{Content, KnownFormat, Object, ObjectBuilder, Ref, RefOr, Schema, Type};
use utoipa::{IntoParams, PartialSchema, ToSchema};

use crate::domain::listing::{DEFAULT_LIMIT, Direction, Field, Kind, MAX_LIMIT};
use crate::http::listing::Records;

/// The query parameters of a collection with the fields `F`.
pub struct ListParams<F>(PhantomData<F>);

impl<F: Field> IntoParams for ListParams<F> {
    fn into_params(_: impl Fn() -> Option<ParameterIn>) -> Vec<Parameter> {
        let filter = format!(
            "A JSON object. Equality is implicit (`{{\"id\":\"…\"}}`); operators are `$eq`, `$ne`, `$in`, `$nin`, `$gt`, \
             `$gte`, `$lt`, `$lte`, `$like`, `$ilike` (`%` stands for any characters), `$exists`, `$and`, `$or` and \
             `$not`. Fields: {}. Instants are epoch milliseconds.",
            F::names(|_| true),
        );
        let sort = format!(
            "Fields separated by commas, a `-` before a field for descending order; ties are broken by `id`. Fields: {}.",
            F::names(F::sortable),
        );
        let limit =
            format!("How many records to return, 1 to {MAX_LIMIT}; {DEFAULT_LIMIT} if absent. 0 means {MAX_LIMIT}.");
        let offset = "How many records to skip. Deep in a large collection the cursor of the `Link` header is faster.";
        let cursor = "The end of the previous page, from the `rel=\"next\"` link of its `Link` header.";
        let count = "Whether pages by `cursor` include the totals. Leaving them out saves counting the collection.";
        let number =
            || ObjectBuilder::from(of(Type::Integer)).format(Some(SchemaFormat::KnownFormat(KnownFormat::Int64)));
        vec![
            query("filter", &filter, of(Type::String), Some(filter_example::<F>())),
            query("sort", &sort, of(Type::String), Some(sort_example::<F>())),
            query("limit", &limit, number().minimum(Some(0)).maximum(Some(MAX_LIMIT)).build(), None),
            query("offset", offset, number().minimum(Some(0)).build(), None),
            query("cursor", cursor, of(Type::String), None),
            query("count", count, of(Type::Boolean), None),
        ]
    }
}

fn query(name: &str, description: &str, schema: Object, example: Option<Value>) -> Parameter {
    ParameterBuilder::new()
        .name(name)
        .parameter_in(ParameterIn::Query)
        .description(Some(description))
        .schema(Some(Schema::Object(schema)))
        .example(example)
        .build()
}

fn of(schema_type: Type) -> Object {
    ObjectBuilder::new().schema_type(SchemaType::Type(schema_type)).build()
}

/// An example filter for "Try it out": a part of a name, in either case.
fn filter_example<F: Field>() -> Value {
    let name = F::ALL.iter().find(|field| field.kind() == Kind::Text && field.name() != "id");
    let name = name.copied().unwrap_or(F::DEFAULT_SORT.0);
    json!({name.name(): {"$ilike": "%etl%"}}).to_string().into()
}

fn sort_example<F: Field>() -> Value {
    let (field, direction) = F::DEFAULT_SORT;
    let sign = if direction == Direction::Descending { "-" } else { "" };
    format!("{sign}{}", field.name()).into()
}

/// Pages are named after what is on them: `PersonaPage`.
impl<T: ToSchema> ToSchema for Records<T> {
    fn name() -> Cow<'static, str> {
        format!("{}Page", T::name()).into()
    }

    fn schemas(schemas: &mut Vec<(String, RefOr<Schema>)>) {
        schemas.push((T::name().into_owned(), T::schema()));
        T::schemas(schemas);
    }
}

impl<T: ToSchema> PartialSchema for Records<T> {
    fn schema() -> RefOr<Schema> {
        let total = |description: &str| {
            ObjectBuilder::from(of(Type::Integer))
                .format(Some(SchemaFormat::KnownFormat(KnownFormat::Int64)))
                .minimum(Some(0))
                .description(Some(format!(
                    "{description}; absent only on pages by `cursor` that did not ask for it with `count=true`."
                )))
        };
        let records = ArrayBuilder::new()
            .items(Ref::from_schema_name(T::name()))
            .description(Some("One page of the matching records."));
        ObjectBuilder::new()
            .description(Some("One page of a collection."))
            .property("totalRecord", total("The size of the whole collection"))
            .property("filterRecord", total("How many records match the filter"))
            .property("records", records)
            .required("records")
            .examples(example::<T>().map(|record| json!({"totalRecord": 1, "filterRecord": 1, "records": [record]})))
            .build()
            .into()
    }
}

/// Adds the `Link` header to an operation that answers with a page.
pub(super) fn link_pages(operation: &mut Operation) {
    let Some(RefOr::T(success)) = operation.responses.responses.get_mut("200") else { return };
    let is_page = |content: &RefOr<Content>| match content {
        RefOr::T(Content { schema: Some(RefOr::Ref(page)), .. }) => page.ref_location.ends_with("Page"),
        _ => false,
    };
    if success.content.values().any(is_page) {
        let next = "The next page, as `rel=\"next\"` (RFC 8288); absent on the last page";
        let header = HeaderBuilder::new().schema(Some(of(Type::String))).description(Some(next)).build();
        success.headers.insert("Link".to_owned(), header.into());
    }
}

fn example<T: ToSchema>() -> Option<Value> {
    match T::schema() {
        RefOr::T(Schema::Object(object)) => object.example,
        _ => None,
    }
}
