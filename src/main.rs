//! The binary.

use std::process::ExitCode;

use tessera::config::Cli;
use tessera::telemetry::AcceptErrors;
use tessera::{commands, telemetry};

/// Also used by SQLite (`override`), because SQLite and the server allocate on many threads at once. Asks the kernel
/// for large pages, so that finding one record among a million does not also wait for page tables.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let cli = Cli::read();
    let accept_errors = AcceptErrors::default();
    if let Err(error) = telemetry::start(&cli.settings.log, cli.settings.log_format, accept_errors.clone()) {
        eprintln!("tessera: TESSERA_LOG: {error}");
        return ExitCode::FAILURE;
    }
    match actix_web::rt::System::new().block_on(commands::run(cli, accept_errors)) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("tessera: {error}");
            ExitCode::FAILURE
        }
    }
}
