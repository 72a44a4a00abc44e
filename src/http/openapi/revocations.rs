//! Documents on every operation that may take something away that its answer waits for the nodes, and has a receipt.

use utoipa::openapi::header::HeaderBuilder;
use utoipa::openapi::path::{HttpMethod, Operation};
use utoipa::openapi::{Header, Object, ObjectBuilder, RefOr, Type};

/// Operations that may take something away, besides every `PUT`, every `DELETE` and every `POST` to one record.
const OTHERS: [&str; 4] = ["/api/meta/entity/bulk", "/aspects", "/entities", "/oauth/revoke"];

/// Whether the operation may take something away.
pub(super) fn takes_away(method: &HttpMethod, path: &str) -> bool {
    match method {
        HttpMethod::Put | HttpMethod::Delete => true,
        HttpMethod::Post => path.ends_with('}') || OTHERS.contains(&path),
        _ => false,
    }
}

/// Adds the headers of the final answer, and the answer to a client that does not wait. `Prefer` is no parameter: every method
/// of a generated SDK would have one more.
pub(super) fn document(operation: &mut Operation) {
    let responses = &mut operation.responses.responses;
    let Some(RefOr::T(done)) = responses.get_mut("200") else { return };
    done.headers
        .insert("Tessera-Receipt".to_owned(), header("The address of the receipt, if something was taken away"));
    let mut pending = done.clone();
    let seen = "`nodes=3, acknowledged=3, took=4ms`, if something was taken away: how many nodes there are, how many of them \
                know of it, and how long that took. The leases of the others have ended";
    done.headers.insert("Tessera-Revocation".to_owned(), header(seen));
    "Done; with `Prefer: respond-async` or `?wait=0`, if something was taken away, before every node knows of it"
        .clone_into(&mut pending.description);
    pending.headers.insert("Location".to_owned(), header("The address that tells which nodes know of it"));
    responses.insert("202".to_owned(), pending.into());
}

fn header(description: &str) -> RefOr<Header> {
    RefOr::T(HeaderBuilder::new().schema(Some(text())).description(Some(description)).build())
}

fn text() -> Object {
    ObjectBuilder::new().schema_type(Type::String).build()
}
