//! The words of Tessera and their rules: pure, without HTTP and without SQL.
//!
//! One word per thing, in types, tables, fields, logs and docs. A new word needs a line here first.
//!
//! | word | means | never say |
//! |---|---|---|
//! | Principal | whatever can be authenticated; kinds: user, service account | identity, account |
//! | Service account | a principal that is a program; an API key's own actor | bot, machine user |
//! | Access token | a named credential of a user or of a service account that is no API key; DataHub's word | API key |
//! | API key | the resource `/api/service/apikeys` manages: one service account, its credential's metadata, its persona links | token (for the resource) |
//! | Credential | a secret's record: which principal it authenticates, digest, expiry | token row |
//! | Genuine | a token that its secret has proved, dead or alive | |
//! | Token | the plaintext bearer string, seen once; `attributes.accessToken` on the wire | secret, `apiKeyValue` |
//! | Session | a user's short-lived credential after signing in: the "user's bearer token" | login |
//! | Actor | the principal making *this* request, with its permissions, personas and how it authenticated | caller, current user, ctx |
//! | Standing | a principal with its permissions and personas: what a credential vouches for | identity |
//! | Owner | who created a credential | author |
//! | Persona | a named set of policies, known by its qualified name (`default/<id>`) | group, profile |
//! | Asset | a connection, collection or other entity that names admins, editors and viewers | |
//! | Entity | a persona, a policy or an asset, as Atlan's clients read and write it | |
//! | Term | a field of an entity and one of its folded values: what it is found by | |
//! | Grant (of an asset) | that an asset names a principal, or its role, as admin or viewer | |
//! | Policy | one rule: effect, actions, resources, subjects | ACL |
//! | Criterion | a condition on a resource, in a policy; it looks at a facet: name, type or a property | |
//! | Slice | the policies about one persona, name, role or everyone, compiled | |
//! | Sight | what an actor sees; what it does not is answered as unknown | view, scope |
//! | Species | a kind of principal, with API keys apart from other service accounts | |
//! | Inquiry, decision | may they do this with that; what it comes to, and what decided | |
//! | Edition | which state of a resource a client has seen; its `ETag` | version |
//! | Persona link | ties a principal to a persona; an API key's links are replaced wholesale on update | mapping, binding |
//! | Permission | one platform-level thing an actor may do (`MANAGE_APIKEYS`); `workspacePermissions` on the wire | right |
//! | Reach | everything a principal may do, and what decides it: permissions, personas, policies, assets, denies | power |
//! | Bounds | until when, from where and how often a credential or a key may be used | |
//! | Maker | the principal that made an API key, known by id | |
//! | Role | a built-in bundle of permissions: `$admin`, `$member`, `$guest`, `$api-token-default-access` | |
//! | Aspect | what a DataHub client wrote about a principal, kept as it was written | |
//! | Invitation | lets somebody sign up with a role | |
//! | Validity | a requested lifetime: seconds, or never | ttl, lifespan (wire legacy only) |
//! | Party | on whose behalf something scarce is used: an actor, a network of strangers, the service itself | |
//! | Pepper | the secret outside the database that digests are made with | salt, master key |
//! | Record | what is kept in memory of a credential and whom it authenticates | |
//! | Directory | the records in memory | cache |
//! | Fence | what tells a record read before a change from one read after it | generation, epoch |
//! | Moment | a point in time counted in changes: up to which a record is known to be right | version |
//! | Door | one protocol's folder under `http/` | |
//!
//! Verbs: create, get, list, search, update, delete, revoke, authenticate, verify, introspect, decide, evaluate, explain.
//! `find_*` returns an `Option`, `get_*` fails with `NotFound`.
//! Instants are epoch milliseconds in `*_at` columns.

pub mod access_token;
pub mod actor;
pub mod api_key;
pub mod asset;
pub mod attributes;
mod base62;
pub mod bounds;
pub mod change;
pub mod credential;
pub mod cursor;
pub mod edition;
pub mod effective;
pub mod entity;
pub mod entropy;
pub mod error;
pub mod fields;
pub mod filter;
pub mod ids;
pub mod installation;
pub mod invite;
pub mod limits;
pub mod listing;
pub mod nesting;
pub mod network;
pub mod party;
pub mod password;
pub mod pepper;
pub mod permission;
pub mod persona;
pub mod policy;
pub mod principal;
pub mod profile;
pub mod search;
pub mod service_account;
pub mod sight;
pub mod text;
pub mod token;
pub mod user;
