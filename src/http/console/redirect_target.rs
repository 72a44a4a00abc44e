//! Open-redirect guard: signing in leads only to pages of this server.

/// The redirect target, relative to the start of this server, if it is a page of the console: `keys?status=active`.
///
/// Allows only harmless characters and paths that begin with the name of a page: no scheme, no host, no `..`.
#[must_use]
pub fn safe_redirect_target(wanted: &str) -> Option<&str> {
    let wanted = wanted.strip_prefix('/').unwrap_or(wanted);
    let (path, _query) = wanted.split_once('?').unwrap_or((wanted, ""));
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~/?&=%+,:@!$'()*;{}\"[]".contains(&byte);
    let is_plain = wanted.len() <= 2_000 && wanted.bytes().all(plain) && !path.contains([':', '%', '"', '{']);
    let is_page = super::owns(path) && !path.starts_with('/') && !path.split('/').any(|part| part.starts_with('.'));
    let is_file = path.starts_with("files") || path.starts_with("log");
    (is_plain && is_page && !is_file).then_some(wanted)
}

/// The page with the form that is sent to this path, relative to the start of this server. Most pages have the path of
/// their form.
#[must_use]
pub(super) fn page_of_form(path: &str) -> &str {
    match path.trim_matches('/') {
        "keys/bulk" => "keys",
        "people/role" | "people/state" | "people/remove" => "people",
        "people/invitations/revoke" => "people/invitations",
        "settings/tokens/revoke" => "settings/tokens",
        "logout" => "",
        page if page.starts_with("policies/") && page.ends_with("/state") => "policies",
        page => page,
    }
}

#[cfg(test)]
mod tests {
    use super::safe_redirect_target;

    #[test]
    fn only_pages_of_the_console_are_led_to() {
        for page in [
            "",
            "keys",
            "keys?status=active&sort=-lastUsedAt",
            "/settings/tokens",
            "keys/0195/edit",
            "device?user_code=AB-CD",
        ] {
            assert_eq!(safe_redirect_target(page), Some(page.trim_start_matches('/')), "{page}");
        }
        for strange in [
            "//example.com",
            "/\\example.com",
            "https://example.com",
            "javascript:alert(1)",
            "keys:x",
            "\\keys",
            "keys/../x",
            "/api/service/apikeys",
            "logout",
            "login",
            "keys\r\nSet-Cookie: a=b",
            "keys#x",
            "///keys",
            "%2f/example.com",
            "keys%0d",
        ] {
            assert_eq!(safe_redirect_target(strange), None, "{strange}");
        }
    }
}
