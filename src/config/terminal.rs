//! Commands for users of a remote server. They need no database and no pepper.

use clap::{Args, Subcommand};

/// Commands for users of a remote server.
#[derive(Subcommand)]
pub enum Terminal {
    /// Sign in to a server with any browser, also one on another machine
    Login(Server),
    /// Print the bearer token of the session alone: `export TESSERA_TOKEN="$(tessera token)"`
    Token(Server),
    /// End the session, here and on the server
    Logout(Server),
    /// Say who is signed in
    Whoami(Server),
}

/// Which server.
#[derive(Args)]
pub struct Server {
    /// The server's URL; if left out, the one of the last `tessera login`
    #[arg(long = "server", env = "TESSERA_SERVER", value_name = "URL")]
    pub url: Option<String>,
}
