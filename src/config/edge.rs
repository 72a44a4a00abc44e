//! The settings of an edge, besides those of every server: `--listen`, connections, bodies, the log.

use std::path::PathBuf;

use clap::Args;

/// The settings of an edge.
#[derive(Args)]
pub struct EdgeArguments {
    /// The URL of the server, or of the balancer in front of its nodes: `https://…`; `http://` for this machine only
    #[arg(long, env = "TESSERA_UPSTREAM", value_name = "URL")]
    pub upstream: String,
    /// The file with the edge's token: that of an API key with the permission `VERIFY_TOKENS`
    #[arg(long, env = "TESSERA_TOKEN_FILE", value_name = "FILE")]
    pub token_file: PathBuf,
    /// The certificates (PEM) that the server's certificate is checked against; those of the system if left out
    #[arg(long, env = "TESSERA_UPSTREAM_CA_FILE", value_name = "FILE")]
    pub upstream_ca_file: Option<PathBuf>,
    /// How many bytes the answers in memory may take
    #[arg(long, env = "TESSERA_EDGE_MEMORY", default_value_t = 67_108_864, value_parser = clap::value_parser!(u64).range(1_048_576..=17_179_869_184))]
    pub edge_memory: u64,
}
