//! Who writes answers: the settings of a language model and of the loop around it.

use serde::Serialize;
use shared::config::Env;
use std::{fmt, str::FromStr, time::Duration};

/// Who writes answers, and within which bounds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answering {
    /// `ANSWER_PROVIDER`.
    pub provider: Provider,
    /// `ANSWER_MODEL`: the provider's name for the model; empty where none is asked.
    pub model: String,
    /// `ANSWER_API_URL`: the provider's base URL without a slash at its end; `None` for the provider's own. Plain HTTP only to
    /// this machine: a key goes with every request.
    pub url: Option<String>,
    /// `ANSWER_MAX_TOKENS`: the most tokens that a model may write in one turn.
    pub max_tokens: u32,
    /// `ASK_MAX_TOOL_CALLS`: the most tools that one question may lead to; then the model must answer.
    pub max_tool_calls: usize,
    /// `ANSWER_TIMEOUT_MS`: the longest that one turn of a model may take, its retries included.
    pub turn_time: Duration,
    /// `ASK_GENERATION_RESERVE_MS`: what retrieval leaves of the deadline for writing the answer.
    pub reserve: Duration,
}

/// Who writes answers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Provider {
    /// Nobody but this function: sentences made from the facts alone.
    #[default]
    Extractive,
    /// Anthropic's Messages API.
    Anthropic,
    /// OpenAI's Chat Completions API, or an endpoint that speaks it.
    OpenAi,
    /// Amazon Bedrock's Converse API.
    Bedrock,
}

impl Provider {
    /// Every provider.
    pub const ALL: [Self; 4] = [Self::Extractive, Self::Anthropic, Self::OpenAi, Self::Bedrock];

    /// The name by which settings and answers know it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Extractive => "extractive",
            Self::Anthropic => "anthropic",
            Self::OpenAi => "openai",
            Self::Bedrock => "bedrock",
        }
    }

    /// The model that is asked where `ANSWER_MODEL` names none: a small, quick one that calls tools well.
    pub fn default_model(self) -> &'static str {
        match self {
            Self::Extractive => "",
            Self::Anthropic => "claude-haiku-4-5-20251001",
            Self::OpenAi => "gpt-4.1-mini",
            // A global inference profile: the model alone cannot be called on demand, and the profile is the same in every region.
            Self::Bedrock => "global.anthropic.claude-haiku-4-5-20251001-v1:0",
        }
    }
}

impl FromStr for Provider {
    type Err = String;
    fn from_str(name: &str) -> Result<Self, String> {
        let found = Self::ALL.into_iter().find(|provider| provider.as_str() == name);
        found.ok_or_else(|| format!("is none of {}", Self::ALL.map(Self::as_str).join(", ")))
    }
}

impl fmt::Display for Provider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Answering {
    pub(super) fn read(env: &mut Env) -> Self {
        let provider = env.parsed("ANSWER_PROVIDER", Provider::default());
        let model = env.optional("ANSWER_MODEL").filter(|model| !model.trim().is_empty());
        let model = model.map_or_else(|| provider.default_model().to_owned(), |model| model.trim().to_owned());
        let url = env.optional("ANSWER_API_URL").filter(|url| !url.trim().is_empty());
        let url = url.map(|url| url.trim().trim_end_matches('/').to_owned());
        if let Some(why) = url.as_deref().and_then(not_a_base) {
            env.fault(format!("ANSWER_API_URL={url:?} {why}", url = url.as_deref().unwrap_or_default()));
        }
        Self {
            provider,
            model,
            url,
            max_tokens: env.within("ANSWER_MAX_TOKENS", 600, 1..=8_192),
            max_tool_calls: env.within("ASK_MAX_TOOL_CALLS", 5, 0..=20),
            turn_time: Duration::from_millis(env.within("ANSWER_TIMEOUT_MS", 10_000, 500..=25_000)),
            reserve: Duration::from_millis(env.within("ASK_GENERATION_RESERVE_MS", 5_000, 0..=25_000)),
        }
    }

    /// Whether a key is sent that is kept as a secret: always to those who ask for one, and to a server of one's own where there
    /// is one to send.
    pub(super) fn wants_secrets(&self, env: &Env) -> bool {
        match self.provider {
            Provider::Extractive | Provider::Bedrock => false,
            Provider::Anthropic => true,
            Provider::OpenAi => {
                is_openai(self.url.as_deref()) || env.optional("SECRET_ID").is_some_and(|id| !id.is_empty())
            }
        }
    }
}

/// Whether a base URL is OpenAI's own, left out or spelt out: it wants a key, and knows a limit of tokens by its new name.
pub(crate) fn is_openai(url: Option<&str>) -> bool {
    let Some((_, rest)) = url.and_then(|url| url.split_once("://")) else { return url.is_none() };
    let host = rest.split(['/', ':']).next().unwrap_or_default();
    host.trim_end_matches('.').eq_ignore_ascii_case("api.openai.com")
}

/// Why a text is no base URL to send a key to.
fn not_a_base(url: &str) -> Option<&'static str> {
    let (scheme, rest) = url.split_once("://").unwrap_or_default();
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let host = match authority.strip_prefix('[') {
        Some(rest) => rest.split(']').next().unwrap_or_default(),
        None => authority.split(':').next().unwrap_or_default(),
    };
    let here = host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback());
    if host.is_empty() || authority.contains('@') || url.contains(['?', '#']) || url.contains(char::is_whitespace) {
        return Some("is no base URL");
    }
    match scheme {
        "https" => None,
        "http" if here => None,
        "http" => Some("sends the key in the clear: use https"),
        _ => Some("is neither an https URL nor one of this machine"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(pairs: &[(&str, &str)]) -> Result<Answering, String> {
        let mut env: Env = pairs.iter().copied().collect();
        let read = Answering::read(&mut env);
        env.finish(read).map_err(|why| why.to_string())
    }

    #[test]
    fn nobody_is_asked_unless_the_settings_say_so() {
        let read = read(&[]).unwrap();
        assert_eq!((read.provider, read.model.as_str(), read.url), (Provider::Extractive, "", None));
        assert_eq!(read.turn_time.as_millis(), 10_000);
        assert_eq!((read.max_tool_calls, read.max_tokens, read.reserve.as_millis()), (5, 600, 5_000));
    }

    #[test]
    fn each_provider_has_a_model_of_its_own_that_a_setting_replaces() {
        for provider in Provider::ALL {
            let name = provider.as_str();
            assert_eq!(name.parse(), Ok(provider));
            assert_eq!(read(&[("ANSWER_PROVIDER", name)]).unwrap().model, provider.default_model());
            let named = read(&[("ANSWER_PROVIDER", name), ("ANSWER_MODEL", " other ")]).unwrap();
            assert_eq!((named.provider, named.model.as_str()), (provider, "other"));
            assert_eq!(provider.default_model().is_empty(), provider == Provider::Extractive);
        }
        assert!(read(&[("ANSWER_PROVIDER", "OpenAI")]).unwrap_err().contains("ANSWER_PROVIDER"));
    }

    #[test]
    fn openai_is_known_by_its_host_alone() {
        for own in [
            None,
            Some("https://api.openai.com/v1"),
            Some("https://API.OpenAI.com:443/v2"),
            Some("https://api.openai.com"),
        ] {
            assert!(is_openai(own), "{own:?}");
        }
        for other in
            ["https://api.openai.com.evil.example/v1", "http://localhost:11434/v1", "https://x.example/api.openai.com"]
        {
            assert!(!is_openai(Some(other)), "{other}");
        }
        let wants = |url: &str| {
            let mut env: Env = [("ANSWER_PROVIDER", "openai"), ("ANSWER_API_URL", url)].into_iter().collect();
            Answering::read(&mut env).wants_secrets(&env)
        };
        assert!(wants("https://api.openai.com/v1") && !wants("http://localhost:1/v1"));
    }

    #[test]
    fn a_key_is_sent_in_the_clear_to_this_machine_alone() {
        for good in ["https://api.example.com/v1/", "http://localhost:9", "http://127.0.0.1:80/v1", "http://[::1]:1"] {
            let url = read(&[("ANSWER_API_URL", good)]).unwrap().url.unwrap();
            assert_eq!(url, good.trim_end_matches('/'));
        }
        for bad in [
            "http://api.example.com",
            "http://127.0.0.1.evil.com",
            "http://localhost@evil.com",
            "http://localhost:80@evil.com",
            "ftp://localhost",
            "api.example.com",
            "https://",
            "https:///v1",
            "https://a.example/v1?key=1",
            "https://a.example/ v1",
            "unix",
        ] {
            assert!(read(&[("ANSWER_API_URL", bad)]).unwrap_err().contains("ANSWER_API_URL"), "{bad}");
        }
    }
}
