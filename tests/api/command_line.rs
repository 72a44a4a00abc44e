//! The command line as a process.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Command, Output};

fn run(arguments: &[&str], variables: &[(&str, &str)]) -> Output {
    let folder = tempfile::tempdir().unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_tessera"));
    command.args(arguments).current_dir(folder.path()).env("XDG_CONFIG_HOME", folder.path());
    command.envs(variables.iter().copied()).output().unwrap()
}

fn error_of(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn an_empty_variable_of_a_subcommand_is_one_that_is_not_set() {
    let asked = run(&["whoami"], &[("TESSERA_SERVER", "")]);
    assert!(error_of(&asked).contains("which server?"), "{}", error_of(&asked));
    let upstream = ["edge", "--upstream", "http://127.0.0.1:1"];
    let empty = run(&upstream, &[("TESSERA_TOKEN_FILE", ""), ("TESSERA_UPSTREAM_CA_FILE", "")]);
    let unset = run(&upstream, &[]);
    assert_eq!((empty.status.code(), error_of(&empty)), (unset.status.code(), error_of(&unset)));
    assert!(!unset.status.success());
}

/// Reads one request and answers it, by its path.
fn answer(stream: TcpStream, respond: impl FnOnce(&str) -> String) {
    let mut reader = BufReader::new(stream);
    let (mut path, mut length) = (String::new(), 0);
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).unwrap();
        if path.is_empty() {
            line.split(' ').nth(1).unwrap_or_default().clone_into(&mut path);
        }
        if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().unwrap();
        }
        if line.trim().is_empty() {
            break;
        }
    }
    reader.read_exact(&mut vec![0; length]).unwrap();
    reader.into_inner().write_all(respond(&path).as_bytes()).unwrap();
}

#[test]
fn signing_in_in_a_terminal_outlasts_a_proxy_that_stumbles() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let server = format!("http://{}", listener.local_addr().unwrap());
    let told = |status: &str, body: &str| {
        format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}", body.len())
    };
    std::thread::spawn(move || {
        let mut polls = 0;
        for stream in listener.incoming() {
            answer(stream.unwrap(), |path| match path {
                "/oauth/device_authorization" => told(
                    "200 OK",
                    r#"{"device_code":"d","user_code":"u","verification_uri":"http://x/device","expires_in":60,"interval":1}"#,
                ),
                "/oauth/token" => {
                    polls += 1;
                    match polls {
                        1 => told("502 Bad Gateway", "<html>nginx</html>"),
                        _ => told("200 OK", r#"{"access_token":"t","expires_in":600}"#),
                    }
                }
                "/api/service/whoami" => told("200 OK", r#"{"username":"ada"}"#),
                _ => told("404 Not Found", "{}"),
            });
        }
    });
    let output = run(&["login", "--server", &server], &[]);
    assert!(output.status.success(), "{}", error_of(&output));
    assert!(error_of(&output).contains("502") && error_of(&output).contains("trying again"), "{}", error_of(&output));
    assert!(String::from_utf8_lossy(&output.stdout).contains("Signed in as ada"));
}
