//! The program.

use std::process::ExitCode;

use tessera::config::Cli;
use tessera::telemetry::AcceptErrors;
use tessera::{commands, telemetry};

/// SQLite uses it too (`override`), as it and the server allocate on many threads at once. It asks the kernel for large
/// pages, so that finding one record among a million does not wait for page tables as well.
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
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("tessera: {error}");
            ExitCode::FAILURE
        }
    }
}
