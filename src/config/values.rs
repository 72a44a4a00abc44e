//! Parsers of single values of the command line.

/// Parses the memory for bodies.
pub(super) fn memory(text: &str) -> Result<usize, String> {
    let bytes: usize = text.parse().map_err(|_| "must be a number of bytes".to_owned())?;
    if bytes < LEAST_MEMORY { Err(format!("must be at least {LEAST_MEMORY}")) } else { Ok(bytes) }
}

/// The least memory for bodies: with less, ordinary requests would be refused.
const LEAST_MEMORY: usize = 1 << 20;

/// Parses the origin of a page as browsers write it.
pub(super) fn origin(text: &str) -> Result<String, String> {
    let host = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://")).unwrap_or_default();
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-._:[]".contains(&byte);
    if text == "*" || (!host.is_empty() && host.bytes().all(plain)) {
        return Ok(text.to_owned());
    }
    Err("must be `https://` or `http://` and a host in lower case, with a port if need be and nothing behind it, or `*`"
        .to_owned())
}

/// Parses a URL with `https`, a host and optionally a path.
pub(super) fn public_url(text: &str) -> Result<String, String> {
    let rest = text.strip_suffix('/').unwrap_or(text).strip_prefix("https://").unwrap_or_default();
    let (host, path) = rest.split_once('/').unwrap_or((rest, ""));
    let plain =
        |text: &str, signs: &[u8]| text.bytes().all(|byte| byte.is_ascii_alphanumeric() || signs.contains(&byte));
    let is_path = path.is_empty() || path.split('/').all(|segment| !["", ".", ".."].contains(&segment));
    if host.is_empty() || !plain(host, b"-._:[]") || !plain(path, b"-._~/") || !is_path {
        return Err("must be `https://` and a host, and perhaps a path, without a query".to_owned());
    }
    Ok(format!("https://{rest}"))
}
