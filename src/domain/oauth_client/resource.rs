//! Resource indicators (RFC 8707, section 2): the audiences of tokens.

/// The longest resource indicator, in bytes.
const LONGEST: usize = 512;

/// Checks a resource indicator: an absolute URI without a fragment.
///
/// # Errors
/// A message that says what is allowed.
pub(super) fn check(text: &str) -> Result<(), String> {
    let is_uri_byte = |byte: u8| byte.is_ascii_graphic() && !b"\"<>\\^`{|}".contains(&byte);
    if text.len() > LONGEST {
        return Err(format!("must have at most {LONGEST} bytes, not {}", text.len()));
    }
    if text.contains('#') {
        return Err("must have no fragment (`#`)".to_owned());
    }
    let is_absolute = match text.split_once(':') {
        Some(("https" | "http", rest)) => rest
            .strip_prefix("//")
            .and_then(|rest| rest.split(['/', '?']).next())
            .is_some_and(|host| !host.is_empty() && !host.contains('@') && !host.starts_with(':')),
        Some(("urn", rest)) => {
            rest.split_once(':').is_some_and(|(namespace, name)| namespace.len() >= 2 && !name.is_empty())
        }
        _ => false,
    };
    if is_absolute && text.bytes().all(is_uri_byte) {
        return Ok(());
    }
    Err("must be an absolute URI that begins with `https://` or `http://` and a host, or with `urn:`".to_owned())
}

/// The address of the metadata of a resource (RFC 9728, section 3.1): the well-known path goes between its host and its path. `None`
/// for a resource without a host.
#[must_use]
pub fn metadata_address(resource: &str) -> Option<String> {
    check(resource).ok()?;
    let (scheme, rest) = resource.split_once("://")?;
    let (host, path) = rest.split_at(rest.find(['/', '?']).unwrap_or(rest.len()));
    // A slash at the end of the host is removed.
    let path = match path.strip_prefix('/') {
        Some(after) if after.is_empty() || after.starts_with('?') => after,
        _ => path,
    };
    Some(format!("{scheme}://{host}/.well-known/oauth-protected-resource{path}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_metadata_of_a_resource_is_between_its_host_and_its_path() {
        for (resource, path) in [
            ("https://a.example.org", ""),
            ("https://a.example.org/", ""),
            ("https://a.example.org/?b=c", "?b=c"),
            ("https://a.example.org?b=c", "?b=c"),
            ("https://a.example.org/mcp", "/mcp"),
            ("https://a.example.org/mcp/?b=c", "/mcp/?b=c"),
        ] {
            let address = format!("https://a.example.org/.well-known/oauth-protected-resource{path}");
            assert_eq!(metadata_address(resource), Some(address), "{resource}");
        }
        for without in ["urn:example:api", "api", "", "https://a/\"b"] {
            assert_eq!(metadata_address(without), None, "{without}");
        }
    }

    #[test]
    fn absolute_uris_without_a_fragment_are_resources() {
        let longest = format!("https://a/{}", "b".repeat(LONGEST - 10));
        for right in ["https://mcp.example.org/", "https://a:8443/b?c=d", "http://a", "urn:example:api", &longest] {
            assert_eq!(check(right), Ok(()), "{right}");
        }
        let longer = format!("{longest}b");
        for wrong in [
            "",
            "api",
            "/api",
            "//a/b",
            "https:",
            "https://",
            "https:///a",
            "https://?a",
            "https://:1",
            "https://u:p@a/",
            "HTTPS://a",
            "ftp://a",
            "https://a/#b",
            "https://a/#",
            "https://a b",
            "https://ä.example.org",
            "https://a/<b>",
            "urn:",
            "urn:a",
            "urn:example:",
            &longer,
        ] {
            assert!(check(wrong).is_err(), "{wrong}");
        }
    }
}
