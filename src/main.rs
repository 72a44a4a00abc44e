//! The binary.

use std::process::ExitCode;

use tessera::commands::output::{self, warn};
use tessera::config::Cli;
use tessera::telemetry::AcceptErrors;
use tessera::{commands, telemetry};

/// The allocator: mimalloc, also for SQLite (`override`), because both allocate on many threads at once. It asks the kernel
/// for large pages, so that finding one record among a million does not also wait for page tables.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let cli = Cli::read();
    let accept_errors = AcceptErrors::default();
    if let Err(error) = telemetry::start(&cli.settings.log, cli.settings.log_format, accept_errors.clone()) {
        warn(format_args!("tessera: TESSERA_LOG: {error}"));
        return ExitCode::FAILURE;
    }
    match actix_web::rt::System::new().block_on(commands::run(cli, accept_errors)) {
        Ok(code) if output::is_complete() => code,
        Ok(_) => ExitCode::FAILURE,
        Err(error) => {
            warn(format_args!("tessera: {error}"));
            ExitCode::FAILURE
        }
    }
}
