//! The password policy: NIST SP 800-63B, section 3.1.1.

/// The shortest password unless a setting says otherwise, in characters.
pub const SHORTEST: usize = 8;
/// The longest, in characters.
pub const LONGEST: usize = 1024;
/// The least number of guesses, as a decimal logarithm: a password that needs fewer is found by trying the most common
/// ones first. The estimate's list of common passwords has 30,000; variations of them by case, digits at the end or
/// letters written as digits need few guesses more.
const GUESSES: f64 = 5.5;
/// Words of this service, which attackers try first.
const CONTEXT: [&str; 3] = ["tessera", "datahub", "atlan"];

/// Whether people sign in and sign up with passwords.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum PasswordSignIn {
    /// People sign in and sign up with passwords.
    #[default]
    On,
    /// People sign in with a provider only.
    Off,
}

/// The requirements for a new password.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PasswordRule {
    /// The shortest, in characters. Below [`SHORTEST`] the strength is not checked: such a setting is for the passwords
    /// of a published scenario.
    pub shortest: usize,
}

impl Default for PasswordRule {
    fn default() -> Self {
        Self { shortest: SHORTEST }
    }
}

impl PasswordRule {
    /// Checks a new password of the user with that name.
    ///
    /// # Errors
    /// A message that says what is wrong.
    pub fn check(self, password: &str, username: &str) -> Result<(), String> {
        let length = password.chars().count();
        if !(self.shortest..=LONGEST).contains(&length) {
            return Err(format!("must have {} to {LONGEST} characters", self.shortest));
        }
        if self.shortest < SHORTEST {
            return Ok(());
        }
        let known: Vec<&str> = CONTEXT.into_iter().chain([username]).collect();
        if zxcvbn::zxcvbn(password, &known).guesses_log10() < GUESSES {
            return Err("is too common: choose another".to_owned());
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_commonest_passwords_and_their_variations_are_refused() {
        let common = "password password1 12345678 123456789 1234567890 qwertyuiop qwerty123 iloveyou princess sunshine \
                      football baseball trustno1 letmein1 superman 1q2w3e4r 1qaz2wsx zaq12wsx p@ssw0rd Password1 \
                      passw0rd aaaaaaaa abcd1234 abcdefgh 11111111 87654321 tessera1 datahub1 ada.lovelace1 michelle \
                      computer starwars whatever charlie1 jennifer welcome1 asdfghjkl changeme admin123";
        for password in common.split_whitespace() {
            assert!(PasswordRule::default().check(password, "ada.lovelace").is_err(), "{password}");
        }
    }

    #[test]
    fn a_password_that_is_not_common_is_taken_whatever_it_is_made_of() {
        for password in
            ["correct horse battery staple", "native-password", "mjrkwqzt", "ünïcödé wörds", "4815 16 2342!"]
        {
            assert_eq!(PasswordRule::default().check(password, "ada"), Ok(()), "{password}");
        }
        assert!(PasswordRule::default().check("mjrkwqz", "ada").is_err());
        assert!(PasswordRule::default().check(&"x".repeat(1025), "ada").is_err());
    }

    #[test]
    fn a_shorter_least_length_is_for_published_scenarios_and_asks_nothing_else() {
        let rule = PasswordRule { shortest: 4 };
        assert_eq!(rule.check("pass", "ada"), Ok(()));
        assert!(rule.check("pas", "ada").is_err());
    }
}
