//! The tables for diesel; the migrations in `migrations/` create them.
#![expect(missing_docs, reason = "a column is documented by the member it is read into")]

mod log;
mod sign_in;

pub use self::log::{log_forks, log_leaves, log_state, log_tiles};
pub use self::sign_in::{device_authorizations, identities, refresh_tokens, used_tokens};

diesel::table! {
    principals (id) {
        id -> Text,
        kind -> Text,
        username -> Text,
        role -> Text,
        enabled -> Bool,
        created_at -> BigInt,
        username_folded -> Text,
        invites_revision -> BigInt,
    }
}

diesel::table! {
    users (id) {
        id -> Text,
        display_name -> Text,
        email -> Text,
        password_hash -> Text,
        email_folded -> Text,
    }
}

diesel::table! {
    api_keys (id) {
        id -> Text,
        display_name -> Text,
        display_name_folded -> Text,
        description -> Text,
        validity_seconds -> BigInt,
        created_by -> Text,
        created_at -> BigInt,
        updated_at -> BigInt,
        expires_at -> BigInt,
        last_used_at -> BigInt,
        allowed_addresses -> Text,
        rate_limit_requests -> BigInt,
        rate_limit_seconds -> BigInt,
        use_count -> BigInt,
        maker_id -> Text,
        maker_kind -> Text,
        description_folded -> Text,
    }
}

diesel::table! {
    credentials (key_id) {
        key_id -> Text,
        kind -> Text,
        principal_id -> Text,
        digest -> Text,
        pepper -> Text,
        created_at -> BigInt,
        expires_at -> BigInt,
    }
}

diesel::table! {
    principal_permissions (principal_id, permission) { principal_id -> Text, permission -> Text, }
}

diesel::table! {
    personas (id) {
        id -> Text,
        qualified_name -> Text,
        name -> Text,
        display_name -> Text,
        description -> Text,
        enabled -> Bool,
        created_by -> Text,
        created_at -> BigInt,
        updated_at -> BigInt,
        attributes -> Text,
        name_folded -> Text,
        display_name_folded -> Text,
    }
}

diesel::table! {
    persona_links (principal_id, persona_id) { principal_id -> Text, persona_id -> Text, }
}

diesel::table! {
    create_requests (owner_id, request_key) {
        owner_id -> Text,
        request_key -> Text,
        body_digest -> Text,
        api_key_id -> Text,
        created_at -> BigInt,
    }
}

diesel::table! {
    changes (id) {
        id -> Text,
        changed_at -> BigInt,
        actor_id -> Text,
        actor_name -> Text,
        action -> Text,
        subject_kind -> Text,
        subject_id -> Text,
        subject_name -> Text,
        request_id -> Text,
        position -> BigInt,
        subject_name_folded -> Text,
        acted_by -> Text,
        authenticated_by -> Text,
        address -> Text,
        state_before -> Text,
        state_after -> Text,
    }
}

diesel::table! {
    installation (place) {
        place -> BigInt,
        id -> Text,
        latest_time -> BigInt,
    }
}

diesel::table! {
    peppers (id) {
        id -> Text,
        place -> BigInt,
        first_used_at -> BigInt,
    }
}

diesel::table! {
    policies (id) {
        id -> Text,
        qualified_name -> Text,
        persona_id -> Nullable<Text>,
        category -> Text,
        name -> Text,
        description -> Text,
        effect -> Text,
        actions -> Text,
        resources -> Text,
        subjects -> Text,
        enabled -> Bool,
        editable -> Bool,
        attributes -> Text,
        created_by -> Text,
        created_at -> BigInt,
        updated_at -> BigInt,
    }
}

diesel::table! {
    policy_objects (policy_id) { policy_id -> Text, qualified_name -> Text, }
}

diesel::table! {
    policy_users (policy_id, principal_id) { policy_id -> Text, principal_id -> Text, }
}

diesel::table! {
    revisions (name) { name -> Text, revision -> BigInt, }
}

diesel::table! {
    assets (id) {
        id -> Text,
        type_name -> Text,
        qualified_name -> Text,
        name -> Text,
        state -> Text,
        attributes -> Text,
        created_by -> Text,
        updated_by -> Text,
        created_at -> BigInt,
        updated_at -> BigInt,
        revision -> BigInt,
    }
}

diesel::table! {
    asset_people (asset_id, relation, member) {
        asset_id -> Text,
        relation -> Text,
        member -> Text,
    }
}

diesel::table! {
    search_terms (entity_id, field, value) {
        entity_id -> Text,
        field -> Text,
        value -> Text,
    }
}

diesel::table! {
    service_accounts (id) {
        id -> Text,
        display_name -> Text,
        description -> Text,
        created_by -> Text,
        created_at -> BigInt,
        updated_at -> BigInt,
        display_name_folded -> Text,
    }
}

diesel::table! {
    invitations (id) {
        id -> Text,
        role -> Text,
        note -> Text,
        inviter_id -> Text,
        inviter_name -> Text,
        created_at -> BigInt,
        expires_at -> BigInt,
    }
}

diesel::table! {
    access_tokens (id) {
        id -> Text,
        key_id -> Text,
        name -> Text,
        description -> Text,
        actor_id -> Text,
        actor_name -> Text,
        owner_id -> Text,
        owner_name -> Text,
        created_at -> BigInt,
        expires_at -> BigInt,
        name_folded -> Text,
        description_folded -> Text,
        last_used_at -> BigInt,
    }
}

diesel::table! {
    aspects (principal_id, name) {
        principal_id -> Text,
        name -> Text,
        value -> Text,
        created_by -> Text,
        created_at -> BigInt,
    }
}

diesel::table! {
    permission_uses (principal_id, permission) {
        principal_id -> Text,
        permission -> Text,
        last_used_at -> BigInt,
    }
}

diesel::table! {
    familiar_networks (principal_id, mark) {
        principal_id -> Text,
        mark -> Text,
        seen_at -> BigInt,
    }
}

diesel::table! {
    provider_sessions (key_id) {
        key_id -> Text,
        provider -> Text,
        issuer -> Text,
        subject -> Text,
        sid -> Text,
        authenticated_at -> BigInt,
    }
}

diesel::table! {
    session_origins (key_id) { key_id -> Text, kind -> Text, address -> Text, began_at -> BigInt, }
}

diesel::table! {
    oauth_clients (principal_id) { principal_id -> Text, settings -> Text, updated_at -> BigInt, }
}

diesel::table! {
    hourly_uses (starts_at, principal_id) { starts_at -> BigInt, principal_id -> Text, uses -> BigInt, refusals -> BigInt, }
}

diesel::table! {
    key_networks (principal_id, network) {
        principal_id -> Text,
        network -> Text,
        first_seen_at -> BigInt,
        last_seen_at -> BigInt,
        refusals -> BigInt,
    }
}

diesel::table! {
    daily_uses (principal_id, starts_at) { starts_at -> BigInt, principal_id -> Text, uses -> BigInt, refusals -> BigInt, }
}

diesel::table! {
    signing_keys (id) {
        id -> Text,
        algorithm -> Text,
        sealed -> Text,
        pepper -> Text,
        created_at -> BigInt,
        signs_from -> BigInt,
        retires_at -> BigInt,
    }
}

diesel::table! {
    revoked_children (id) { id -> Text, expires_at -> BigInt, }
}

diesel::table! {
    nodes (id) {
        id -> Text,
        name -> Text,
        started_at -> BigInt,
        lease -> BigInt,
        acknowledged -> Text,
        acknowledged_at -> BigInt,
        silenced -> Bool,
        owner -> Text,
    }
}

diesel::joinable!(users -> principals (id));
diesel::joinable!(provider_sessions -> credentials (key_id));
diesel::joinable!(session_origins -> credentials (key_id));
diesel::joinable!(api_keys -> principals (id));
diesel::joinable!(credentials -> principals (principal_id));
diesel::joinable!(persona_links -> personas (persona_id));
diesel::joinable!(persona_links -> principals (principal_id));
diesel::joinable!(policy_objects -> policies (policy_id));
diesel::joinable!(asset_people -> assets (asset_id));
diesel::joinable!(service_accounts -> principals (id));

diesel::allow_tables_to_appear_in_same_query!(
    principals,
    users,
    api_keys,
    credentials,
    provider_sessions,
    session_origins,
    principal_permissions,
    personas,
    persona_links,
    policies,
    policy_objects,
    policy_users,
    assets,
    asset_people,
    service_accounts,
    access_tokens,
    aspects,
    revisions,
    search_terms,
    changes,
    log_leaves,
);
