//! Domain types and rules of Tessera, without HTTP and SQL, and the glossary of its terms.
//!
//! Each concept has one term in types, tables, fields, logs and docs. Add a new term here first.
//!
//! | term | meaning | do not use |
//! |---|---|---|
//! | Principal | a user or a service account: anything that can authenticate | identity, account |
//! | Service account | a principal that is a program; each API key has one | bot, machine user |
//! | Access token | a named credential of a user, or of a service account other than an API key's; DataHub's term | API key |
//! | API key | the resource `/api/service/apikeys` manages: one service account, its credential's metadata, its persona links | token (for the resource) |
//! | Credential | the stored record of a token: its principal, digest and expiry | token row |
//! | Genuine | a token whose secret is right, even if it has expired or its principal is disabled | |
//! | Token | the plaintext bearer string, shown once; `attributes.accessToken` on the wire | secret, `apiKeyValue` |
//! | Child | a short-lived token derived from a credential, its parent: it carries no more, and ends with it | |
//! | Restriction | what the standing of a child with a scope was narrowed from: its parent's standing, and the tools that it may call | |
//! | Scope (of a child) | the permissions, personas and tools that it carries | |
//! | Audience | the URL of the resource server that a child is for | |
//! | Delegate | a principal that acts for the subject of a child; "actor" in RFC 8693, which means something else here | |
//! | Impersonation | an actor gets a child of a session of a user | |
//! | OAuth client | an API key as the client `apikey-<id>` of the token endpoint | |
//! | Warrant | a public key or a trust rule in the settings of an API key, with which a client proves itself without the key's token | |
//! | Client assertion | a JWT by which a client proves itself with a key that it has registered | |
//! | Signing key, keyring | a key that signs children; those that are published | |
//! | Seal | authenticated encryption with a key derived from the pepper | |
//! | Thumbprint | the digest of a public key: RFC 7638 | |
//! | Session | a user's short-lived credential after signing in: the "user's bearer token" | login |
//! | Provider | an OpenID Connect provider that the operator has configured, where people sign in | |
//! | Identity | what a provider knows a user by: its issuer, and the user's subject there | account (for the user) |
//! | Mapping | which groups of a provider have which role and which personas | |
//! | Device authorization | a program's request for a session of the user who approves it in a browser; RFC 8628 | pairing, device login |
//! | Device code, user code | the secret that a program fetches its session with; the code that the user types in the browser | |
//! | Refresh token, family | a program gets children of a user's session with it, once; all that come from one approval | |
//! | Actor | the principal making *this* request, with its permissions, personas and how it authenticated | caller (outside public API documentation), current user, ctx |
//! | Standing | a principal with its permissions, personas and asset grants, as a credential authenticates it | identity |
//! | Owner (of a credential) | the principal that created it | author |
//! | Owner (of an asset) | a user whom the asset names in `ownerUsers`, for policies about owners | |
//! | Tool | what a child may call at the server that it is for; an action of policies | |
//! | Client secret | a credential of an API key that lives for minutes, beside its token | |
//! | Persona | a named set of policies, known by its qualified name (`default/<id>`) | group, profile |
//! | Asset | a connection, collection or other entity with lists of admins, editors and viewers | |
//! | Entity | a persona, a policy or an asset, as Atlan's clients read and write it | |
//! | Term | a search index entry: a field of an entity and one of its case-folded values | |
//! | Grant (of an asset) | an asset's list names a principal, or its role, as admin or viewer | |
//! | Policy | one rule: effect, actions, resources, subjects | ACL |
//! | Criterion | a condition of a policy on a facet (name, type or property) of a resource | |
//! | Slice | the compiled policies of one persona, user name, role or everyone | |
//! | Sight | which records an actor may see; others are answered as not found | view, scope |
//! | Category (of a principal) | user, API key or other service account | species |
//! | Inquiry, decision | whether a subject may perform an action on a resource; the outcome and its grounds | |
//! | Comparison, difference | what principals may do before and after a change that is not made; what it does to one action on one resource | diff, dry run |
//! | Edition | a state of a resource; its `ETag` | version |
//! | Persona link | links a principal to a persona; an update of an API key replaces all its links | mapping, binding |
//! | Permission | one platform-level thing an actor may do (`MANAGE_APIKEYS`); `workspacePermissions` on the wire | right |
//! | Reach | everything a principal may do: permissions, personas, policies, asset grants and denies | power |
//! | Bounds | until when, from where and how often a credential or a key may be used | |
//! | Maker | the principal that made an API key, known by id | |
//! | Role | a built-in bundle of permissions: `$admin`, `$member`, `$guest`, `$api-token-default-access` | |
//! | Aspect | what a DataHub client wrote about a principal, stored unchanged | |
//! | Invitation | lets a person sign up with a role: an invitation link or an open invitation | invite (wire names only) |
//! | Invitation link | an invitation that is computed and not stored; DataHub's | |
//! | Usage | the uses and refusals of an API key in an hour, day or month | |
//! | Open invitation | an invitation for one person, which is listed, expires and can be revoked | |
//! | Validity | a requested lifetime: seconds, or never | ttl, lifespan (wire legacy only) |
//! | Proof | a JWT with which a client shows, for one request, that it has the key that its token is bound to; DPoP's term | |
//! | Party | on whose behalf a scarce resource is used: an actor, a network of unauthenticated clients, or the service itself | |
//! | Workload | a program that proves by an ID token of its platform which job or pod it is | |
//! | Trust rule | which workloads act as an API key | federation, policy |
//! | Journal | the changes that took something away, kept by each machine outside the database | log |
//! | Receipt | a signed note that a change which took something away is in the log, with the nodes that acknowledged it | |
//! | Position | the place of a change in the order in which nodes follow changes | |
//! | Installation | a database with its id, and everything that works on it | tenant |
//! | Lane | a connection pool for one purpose | |
//! | Log | the Merkle tree of the changes, which proves that none was altered, removed, inserted or reordered | journal |
//! | Leaf, entry | the hash of a change in the log; the text that was hashed | |
//! | Checkpoint | the signed size and root hash of the log | tree head |
//! | Tile, bundle | 256 hashes of a level of the log's tree, or its entries | |
//! | Appended | in the log, which cannot be undone | sealed |
//! | Witness, cosignature | another party that signs a checkpoint if it continues the one that it signed before; its signature | |
//! | Fork | a log that a restored backup has ended; another goes on from it, under another origin | |
//! | Origin | the name of a log, for its verifiers | |
//! | Pepper | the secret key of the digests, kept outside the database | salt, master key |
//! | Record | a cached credential with the standing of its principal | |
//! | Directory | the in-memory cache of records | cache |
//! | Fence | distinguishes records read before a change from those read after it | generation, epoch |
//! | Moment | a logical time, counted in changes, up to which a record is known to be right | version |
//! | Node | a server or an edge that revocations wait for: a row of `nodes`. Several servers may work on one database | instance, replica |
//! | Edge | a process next to a gateway that verifies without a database: a node whose looks go over HTTP | sidecar, agent |
//! | Pass | what an edge shows a server, so that the server says which answers it may keep | |
//! | Lease | how long a node may use its memory after it has begun to read the changes of others | |
//! | Look | one read of the changes of others, by which a node renews its lease | poll |
//! | Acknowledgement | a node's word that it has applied every change up to a position | |
//! | Silenced | a node that others have given up waiting for, and that may not renew its lease | dead |
//! | Door | a protocol front end: one folder under `http/` | |
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
pub mod base64;
pub mod bounds;
pub mod change;
pub mod child;
pub mod credential;
pub mod cursor;
pub mod device;
pub mod dpop;
pub mod edge;
pub mod edition;
pub mod effective;
pub mod entity;
pub mod entropy;
pub mod error;
pub mod fields;
pub mod filter;
pub mod identity;
pub mod ids;
pub mod installation;
pub mod invite;
pub mod journal;
pub mod jwk;
pub mod jws;
pub mod limits;
pub mod listing;
pub mod log;
mod narrowing;
pub mod nesting;
pub mod network;
pub mod node;
pub mod oauth_client;
pub mod party;
pub mod password;
pub mod pepper;
pub mod permission;
pub mod persona;
pub mod policy;
pub mod principal;
pub mod profile;
pub mod redaction;
pub mod refresh;
pub mod seal;
pub mod search;
pub mod service_account;
pub mod session;
pub mod sight;
pub mod signing;
pub mod state;
pub mod text;
pub mod token;
pub mod usage;
pub mod user;
