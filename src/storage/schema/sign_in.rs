//! The tables of signing in, at this server or at a provider.

diesel::table! {
    identities (issuer, subject) {
        issuer -> Text,
        subject -> Text,
        principal_id -> Text,
        personas -> Text,
        created_at -> BigInt,
        seen_at -> BigInt,
    }
}

diesel::table! {
    used_tokens (issuer, once) { issuer -> Text, once -> Text, expires_at -> BigInt, }
}

diesel::table! {
    device_authorizations (device_digest) {
        device_digest -> Text,
        user_digest -> Text,
        client -> Text,
        address -> Text,
        network -> Text,
        network_group -> Text,
        decision -> Text,
        approved_by -> Text,
        created_at -> BigInt,
        expires_at -> BigInt,
        offline -> Bool,
    }
}

diesel::table! {
    refresh_tokens (id) {
        id -> Text,
        session_id -> Text,
        client -> Text,
        proof_key -> Text,
        digest -> Text,
        pepper -> Text,
        ends_at -> BigInt,
    }
}
