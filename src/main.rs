//! The program.

use std::process::ExitCode;

use clap::Parser;
use tessera::config::Cli;
use tessera::{commands, telemetry};

/// For SQLite as well: both allocate on many threads at once. And it asks the kernel for large pages, so that finding
/// one record among a million does not wait for page tables too.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let cli = Cli::parse();
    if let Err(error) = telemetry::start(&cli.settings.log, cli.settings.log_format) {
        eprintln!("tessera: TESSERA_LOG: {error}");
        return ExitCode::FAILURE;
    }
    match actix_web::rt::System::new().block_on(commands::run(cli)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("tessera: {error}");
            ExitCode::FAILURE
        }
    }
}
