//! The tables as diesel sees them; `migrations/` is where they are made.
#![expect(missing_docs, reason = "a column is documented by the member it is read into")]

diesel::table! {
    principals (id) {
        id -> Text,
        kind -> Text,
        username -> Text,
        role -> Text,
        enabled -> Bool,
        created_at -> BigInt,
    }
}

diesel::table! {
    users (id) {
        id -> Text,
        display_name -> Text,
        email -> Text,
        password_hash -> Text,
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
    principal_permissions (principal_id, permission) {
        principal_id -> Text,
        permission -> Text,
    }
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
    }
}

diesel::table! {
    persona_links (principal_id, persona_id) {
        principal_id -> Text,
        persona_id -> Text,
    }
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
    }
}

diesel::table! {
    peppers (id) {
        id -> Text,
        place -> BigInt,
        first_used_at -> BigInt,
    }
}

diesel::joinable!(users -> principals (id));
diesel::joinable!(api_keys -> principals (id));
diesel::joinable!(credentials -> principals (principal_id));
diesel::joinable!(persona_links -> personas (persona_id));

diesel::allow_tables_to_appear_in_same_query!(
    principals,
    users,
    api_keys,
    credentials,
    principal_permissions,
    personas,
    persona_links,
);
