//! The clients of tests: anonymous ones and actors with a token.

use std::net::SocketAddr;
use std::ops::Deref;

use actix_http::{BoxedPayloadStream, Payload};
use actix_web::http::Method;
use actix_web::test::TestRequest;
use serde_json::{Value, json};

use super::upload::Upload;
use super::{Answer, Running};

/// The path of API keys.
const KEYS: &str = "/api/service/apikeys";

/// The path for writing entities.
const BULK: &str = "/api/meta/entity/bulk";

/// A client of the application: what it sends with every request.
#[derive(Clone)]
pub struct Client {
    app: Running,
    headers: Vec<(String, Vec<u8>)>,
    address: Option<SocketAddr>,
}

impl Client {
    pub(super) fn new(app: Running) -> Self {
        Self { app, headers: Vec::new(), address: None }
    }

    /// A copy of the client with that address.
    pub fn at(&self, address: &str) -> Self {
        Self { address: Some(SocketAddr::new(address.parse().unwrap(), 40_000)), ..self.clone() }
    }

    /// A copy of the client with an additional header.
    pub fn with(&self, name: &str, value: &str) -> Self {
        self.with_bytes(name, value.as_bytes())
    }

    /// The bearer token that it sends.
    pub fn token(&self) -> String {
        let sent = self.headers.iter().find(|(name, _)| name == "authorization").unwrap();
        String::from_utf8(sent.1.clone()).unwrap().trim_start_matches("Bearer ").to_owned()
    }

    pub fn with_bytes(&self, name: &str, value: &[u8]) -> Self {
        let mut client = self.clone();
        client.headers.push((name.to_owned(), value.to_vec()));
        client
    }

    pub async fn get(&self, path: &str) -> Answer {
        self.send(Method::GET, path, None).await
    }

    pub async fn post(&self, path: &str, body: &Value) -> Answer {
        self.post_text(path, &body.to_string()).await
    }

    /// Sends a body as it is, as JSON.
    pub async fn post_text(&self, path: &str, body: &str) -> Answer {
        self.with("content-type", "application/json").send(Method::POST, path, Some(body)).await
    }

    pub async fn delete(&self, path: &str) -> Answer {
        self.send(Method::DELETE, path, None).await
    }

    pub async fn send(&self, method: Method, path: &str, body: Option<&str>) -> Answer {
        let mut request = self.request(method, path);
        if let Some(body) = body {
            request = request.set_payload(body.to_owned());
        }
        let answer = Answer::read((self.app.doors)(request.to_request()).await).await;
        Answer { target: path.to_owned(), ..answer }
    }

    /// Sends a request whose body arrives as the sender of the upload says.
    pub async fn upload(&self, method: Method, path: &str, body: Upload) -> Answer {
        let payload = Payload::Stream { payload: Box::pin(body) as BoxedPayloadStream };
        let (request, _) = self.request(method, path).to_request().replace_payload(payload);
        Answer::read((self.app.doors)(request).await).await
    }

    fn request(&self, method: Method, path: &str) -> TestRequest {
        let mut request = TestRequest::with_uri(path).method(method);
        if let Some(address) = self.address {
            request = request.peer_addr(address);
        }
        for (name, value) in &self.headers {
            request = request.append_header((name.as_str(), value.as_slice()));
        }
        request
    }

    /// A page of a collection; the parameters are encoded as forms are.
    pub async fn list(&self, path: &str, params: &[(&str, &str)]) -> Answer {
        let query = form_urlencoded::Serializer::new(String::new()).extend_pairs(params).finish();
        self.get(&format!("{path}?{query}")).await
    }

    /// A page of API keys.
    pub async fn keys(&self, params: &[(&str, &str)]) -> Answer {
        self.list(KEYS, params).await
    }

    /// The names of the API keys that match a filter, oldest first.
    pub async fn found(&self, filter: &Value) -> Vec<String> {
        let page = self.keys(&[("filter", &filter.to_string()), ("sort", "createdAt")]).await;
        let names = page.column("displayName");
        assert_eq!(page.totals()[1], i64::try_from(names.len()).unwrap(), "`filterRecord` of {filter}");
        names
    }

    /// Creates an API key that must be created.
    pub async fn create(&self, name: &str) -> Value {
        self.post(KEYS, &json!({"displayName": name})).await.ok()
    }

    /// Tries to create an API key.
    pub async fn try_create(&self, body: &Value) -> Answer {
        self.post(KEYS, body).await
    }

    /// Tries to update an API key.
    pub async fn try_update(&self, id: &str, body: &Value) -> Answer {
        self.post(&format!("{KEYS}/{id}"), body).await
    }

    pub async fn key(&self, id: &str) -> Answer {
        self.get(&format!("{KEYS}/{id}")).await
    }

    pub async fn delete_key(&self, id: &str) -> Answer {
        self.delete(&format!("{KEYS}/{id}")).await
    }

    /// Creates a persona; the answer is its record.
    pub async fn persona(&self, name: &str) -> Value {
        self.post("/api/service/personas", &json!({"name": name})).await.ok()
    }

    /// Writes entities in bulk.
    pub async fn bulk(&self, entities: &[Value]) -> Answer {
        self.post(BULK, &json!({"entities": entities})).await
    }

    /// Writes one entity of that type with those attributes.
    pub async fn save(&self, type_name: &str, attributes: &Value) -> Answer {
        self.bulk(&[json!({"typeName": type_name, "attributes": attributes})]).await
    }

    /// Creates an asset that must be created; the answer is its id.
    pub async fn asset(&self, type_name: &str, qualified_name: &str) -> String {
        let answer = self.save(type_name, &json!({"qualifiedName": qualified_name, "name": "x"})).await.ok();
        let created = &answer["mutatedEntities"]["CREATE"][0];
        assert_eq!(created["attributes"]["qualifiedName"], qualified_name, "{answer}");
        created["guid"].as_str().unwrap().to_owned()
    }

    /// Deletes entities.
    pub async fn remove(&self, how: &str, ids: &[&str]) -> Answer {
        let ids = ids.join("&guid=");
        self.delete(&format!("{BULK}?deleteType={how}&guid={ids}")).await
    }

    /// One entity, as it is read by its id.
    pub async fn entity(&self, id: &str) -> Answer {
        self.get(&format!("/api/meta/entity/guid/{id}")).await
    }

    /// Searches with a query.
    pub async fn search(&self, query: &Value) -> Answer {
        self.search_with(&json!({"dsl": {"size": 1000, "query": query}})).await
    }

    pub async fn search_with(&self, body: &Value) -> Answer {
        self.post("/api/meta/search/indexsearch", body).await
    }

    pub async fn whoami(&self) -> Answer {
        self.get("/api/service/whoami").await
    }
}

/// A client with an API key.
pub struct Holder {
    pub id: String,
    pub token: String,
    pub client: Client,
}

impl Deref for Holder {
    type Target = Client;

    fn deref(&self) -> &Client {
        &self.client
    }
}
