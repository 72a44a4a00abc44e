//! The process stops in time, whatever its threads do.

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};
use std::time::Duration;

/// Environment variable that makes this test run as the process that does not stop.
const BUSY: &str = "TESSERA_TEST_BUSY_PROCESS";

#[test]
fn a_process_whose_threads_never_finish_ends_after_each_signal() {
    if std::env::var_os(BUSY).is_some() {
        tessera::shutdown::watch(Duration::from_millis(100)).unwrap();
        eprintln!("\nwatching");
        loop {
            std::hint::spin_loop();
        }
    }
    for signal in ["TERM", "INT", "QUIT"] {
        let mut busy = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "shutdown::a_process_whose_threads_never_finish_ends_after_each_signal", "--nocapture"])
            .env(BUSY, "1")
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut told = BufReader::new(busy.stderr.take().unwrap()).lines();
        assert!(told.any(|line| line.unwrap() == "watching"));
        let kill = format!("kill -{signal} {}", busy.id());
        assert!(Command::new("sh").args(["-c", &kill]).status().unwrap().success());
        assert_eq!(busy.wait().unwrap().code(), Some(1), "{signal}");
    }
}
