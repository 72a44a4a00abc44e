//! The tables of the log.

diesel::table! {
    log_state (place) {
        place -> BigInt,
        base -> Text,
        origin -> Text,
        size -> BigInt,
        position -> BigInt,
        change_id -> Text,
        checkpoint -> Text,
        witnessed -> Text,
        appended_at -> BigInt,
        witnessed_at -> BigInt,
        public_key -> Text,
        sealed -> Text,
        pepper -> Text,
    }
}

diesel::table! {
    log_leaves (place) {
        place -> BigInt,
        change_id -> Text,
        entry -> Text,
    }
}

diesel::table! {
    log_tiles (level, place) {
        level -> BigInt,
        place -> BigInt,
        hashes -> Text,
    }
}

diesel::table! {
    log_forks (origin) {
        origin -> Text,
        size -> BigInt,
        root -> Text,
        ended_at -> BigInt,
    }
}
