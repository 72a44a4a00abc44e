//! `tessera edge`: verification next to a gateway, without a database.

use std::sync::Arc;

use tokio::sync::oneshot;

use super::{CommandResult, doors, node_name};
use crate::clock::Clock;
use crate::config::{EdgeArguments, Settings};
use crate::domain::entropy::Entropy;
use crate::edge::{self, Edge, EdgeSettings, Upstream};
use crate::http::peer::TrustedProxies;
use crate::http::wire;
use crate::outbound::{Outbound, Roots};
use crate::shutdown;

/// Runs an edge until told to stop.
pub(super) async fn run(settings: &Settings, arguments: &EdgeArguments) -> CommandResult {
    let connections = doors::connections(settings);
    let listener =
        wire::listen(settings.listen).map_err(|error| format!("cannot listen on {}: {error}", settings.listen))?;
    let edge = Edge::new(EdgeSettings {
        upstream: upstream(arguments)?,
        name: node_name(settings),
        memory: arguments.edge_memory,
        bodies: doors::bodies(settings),
        trusted: TrustedProxies(settings.trusted_proxies.clone()),
        clock: Clock::system(),
        entropy: Entropy::SYSTEM,
    });
    let edge = edge.map_err(|error| error.to_string())?;
    let wire_settings = doors::wire(settings, connections);
    shutdown::watch(wire_settings.shutdown_timeout + shutdown::MARGIN)
        .map_err(|error| format!("cannot watch for signals: {error}"))?;
    tracing::info!(listen = %settings.listen, upstream = arguments.upstream, "verifying as an edge");
    let (stop, stopped) = oneshot::channel();
    let following = actix_web::rt::spawn(edge::follow(Arc::clone(&edge), stopped));
    let serving = Arc::clone(&edge);
    let server = wire::serve(vec![listener], &wire_settings, move || edge::app(Arc::clone(&serving)));
    server.map_err(|error| error.to_string())?.await.map_err(|error| error.to_string())?;
    // From here on, this edge accepts no request.
    drop(stop);
    if let Some(own) = following.await.map_err(|error| error.to_string())? {
        edge::leave(&edge, &own).await;
    }
    Ok(())
}

/// The server that an edge asks.
fn upstream(arguments: &EdgeArguments) -> Result<Upstream, String> {
    let read = |path: &std::path::Path| {
        std::fs::read_to_string(path).map_err(|error| format!("cannot read `{}`: {error}", path.display()))
    };
    let roots = match &arguments.upstream_ca_file {
        None => Roots::default(),
        Some(path) => Roots::parse(&read(path)?).map_err(|error| format!("--upstream-ca-file: {error}"))?,
    };
    let token = read(&arguments.token_file)?.trim().to_owned();
    let clients = [Outbound::of_edge(&roots), Outbound::of_edge(&roots)];
    Upstream::new(clients, &arguments.upstream, token).map_err(|error| format!("--upstream: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_edge_asks_a_server_over_tls_or_on_its_own_machine_with_one_token() {
        let folder = tempfile::tempdir().unwrap();
        let token_file = folder.path().join("token");
        let start = |url: &str, token: &str| {
            std::fs::write(&token_file, token).unwrap();
            upstream(&EdgeArguments {
                upstream: url.to_owned(),
                token_file: token_file.clone(),
                upstream_ca_file: None,
                edge_memory: 1 << 20,
            })
            .map(drop)
        };
        for url in ["https://keys.example.org", "https://keys.example.org/tessera/", "http://127.0.0.1:8585"] {
            assert_eq!(start(url, "tsk_x\n"), Ok(()), "{url}");
        }
        for url in ["http://keys.example.org", "keys.example.org", "https://u:p@keys.example.org", "https://a/?b"] {
            assert!(start(url, "tsk_x").unwrap_err().contains("--upstream"), "{url}");
        }
        for token in ["", "two tokens", "tsk_é"] {
            assert!(start("https://keys.example.org", token).unwrap_err().contains("token"), "{token}");
        }
    }
}
