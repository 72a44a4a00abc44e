//! Commands for users of a remote server. They need no database and no pepper.

use clap::{Args, Subcommand};

/// Commands for users of a remote server.
#[derive(Subcommand)]
pub enum Terminal {
    /// Sign in to a server with a browser on this or any other machine
    Login(Server),
    /// Print only the bearer token of the session: `export TESSERA_TOKEN="$(tessera token)"`
    Token(Server),
    /// End the session, here and on the server
    Logout(Server),
    /// Show who is signed in
    Whoami(Server),
}

/// The server to use.
#[derive(Args)]
pub struct Server {
    /// The server's URL; default: the server of the last `tessera login`
    #[arg(long = "server", env = "TESSERA_SERVER", value_name = "URL")]
    pub url: Option<String>,
}
