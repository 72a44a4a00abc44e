//! URLs in the form in which they are compared (RFC 9449, section 4.3; RFC 3986, sections 6.2.2 and 6.2.3).

/// The URL without query and fragment: scheme and host in lower case, the default port left out, unreserved characters
/// not percent-encoded, other percent-encodings in upper case, no `.` and `..` segments. `None` for what is no `https`
/// or `http` URL, or names a user.
pub(super) fn normalized(url: &str) -> Option<String> {
    let url = url.split(['?', '#']).next().filter(|url| url.bytes().all(|byte| byte.is_ascii_graphic()))?;
    let (scheme, rest) = url.split_once("://")?;
    let scheme = scheme.to_ascii_lowercase();
    let default_port = match scheme.as_str() {
        "https" => 443,
        "http" => 80,
        _ => return None,
    };
    let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    let (host, port) = split_port(authority)?;
    let port = match port {
        "" => default_port,
        port => port.parse::<u16>().ok().filter(|_| port.bytes().all(|byte| byte.is_ascii_digit()))?,
    };
    let port = if port == default_port { String::new() } else { format!(":{port}") };
    Some(format!("{scheme}://{}{port}{}", host.to_ascii_lowercase(), without_dots(&decoded(path)?)))
}

/// The host and the port of an authority, which must have no user.
fn split_port(authority: &str) -> Option<(&str, &str)> {
    let (host, port) = match authority.rsplit_once(':') {
        Some((host, port)) if !port.contains(']') => (host, port),
        _ => (authority, ""),
    };
    let in_name = |byte: u8| byte.is_ascii_alphanumeric() || b"-._".contains(&byte);
    let in_address = |byte: u8| byte.is_ascii_hexdigit() || b":.".contains(&byte);
    let plain = match host.strip_prefix('[').and_then(|host| host.strip_suffix(']')) {
        Some(address) => !address.is_empty() && address.bytes().all(in_address),
        None => !host.is_empty() && host.bytes().all(in_name),
    };
    plain.then_some((host, port))
}

/// The path without percent-encoded unreserved characters, and with upper-case digits in the other percent-encodings.
/// `None` if one is malformed.
fn decoded(path: &str) -> Option<String> {
    let mut decoded = String::with_capacity(path.len());
    let mut rest = path;
    while let Some((before, after)) = rest.split_once('%') {
        decoded.push_str(before);
        let digits = after.get(..2).filter(|digits| digits.bytes().all(|byte| byte.is_ascii_hexdigit()))?;
        let byte = u8::from_str_radix(digits, 16).ok()?;
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            decoded.push(char::from(byte));
        } else {
            decoded.push('%');
            decoded.push_str(&digits.to_ascii_uppercase());
        }
        rest = &after[2..];
    }
    decoded.push_str(rest);
    Some(decoded)
}

/// The path without `.` and `..` segments (RFC 3986, section 5.2.4); `/` for an empty one.
fn without_dots(path: &str) -> String {
    let mut kept: Vec<&str> = Vec::new();
    let mut segments = path.split('/').skip(1).peekable();
    while let Some(segment) = segments.next() {
        match segment {
            "." => {}
            ".." => drop(kept.pop()),
            _ => {
                kept.push(segment);
                continue;
            }
        }
        if segments.peek().is_none() {
            kept.push("");
        }
    }
    format!("/{}", kept.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equivalent_urls_have_one_form() {
        let form = "https://api.example.org/a/b~c%2Fd";
        for url in [
            form,
            "https://api.example.org/a/b~c%2fd",
            "HTTPS://API.Example.ORG:443/a/b~c%2Fd",
            "https://api.example.org:/a/b%7Ec%2Fd",
            "https://api.example.org:0443/a/b%7ec%2Fd",
            "https://api.example.org/%61/b~c%2Fd?query=1#fragment",
            "https://api.example.org/x/../a/./b~c%2Fd#?",
            "https://api.example.org/x/%2E%2e/a/b~c%2Fd",
            "https://api.example.org/../a/b~c%2Fd",
        ] {
            assert_eq!(normalized(url).as_deref(), Some(form), "{url}");
            assert_eq!(normalized(form).as_deref(), Some(form));
        }
        for (url, form) in [
            ("https://h", "https://h/"),
            ("https://h?x", "https://h/"),
            ("http://[::1]:80/", "http://[::1]/"),
            ("http://[2001:DB8::1]:8585/a/..", "http://[2001:db8::1]:8585/"),
            ("https://h/a/b/.", "https://h/a/b/"),
            ("https://h/..", "https://h/"),
        ] {
            assert_eq!(normalized(url).as_deref(), Some(form), "{url}");
        }
    }

    #[test]
    fn different_urls_have_different_forms() {
        let urls = [
            "https://h/a",
            "http://h/a",
            "https://h:8443/a",
            "https://h/a/",
            "https://h//a",
            "https://h/A",
            "https://h/a%2F",
            "https://h/a%20",
            "https://h./a",
            "https://x.h/a",
        ];
        let forms: std::collections::BTreeSet<_> = urls.iter().map(|url| normalized(url).unwrap()).collect();
        assert_eq!(forms.len(), urls.len(), "{forms:?}");
    }

    #[test]
    fn what_is_no_url_has_no_form() {
        for other in [
            "",
            "h/a",
            "/a",
            "https:/h",
            "https://",
            "https:///a",
            "ftp://h/a",
            "https://user@h/a",
            "https://h:x/a",
            "https://h:+1/a",
            "https://h:65536/a",
            "https://h/%",
            "https://h/%g0",
            "https://h/%+1",
            "https://h/a b",
            "https://h/ä",
            "https://hä/",
            "https://h%41/",
            "https://[::1/",
            "https://::1]/",
            "https://[::1]x/",
            "https://[g]/",
            " https://h/",
        ] {
            assert_eq!(normalized(other), None, "{other}");
        }
    }
}
