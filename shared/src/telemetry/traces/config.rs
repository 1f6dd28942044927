//! Where traces are sent, as the environment says.

use crate::fetch::Transport;
use http::{HeaderName, HeaderValue, Uri};

/// The part of successful traces that is kept unless `TRACE_SAMPLE_RATIO` says another.
const RATIO: f64 = 0.10;

/// Where traces are sent, and how many of them.
#[derive(Clone, Debug, PartialEq)]
pub struct Config {
    /// The collector's address for traces: `http` on loopback, as for an extension beside the function, or `https` anywhere.
    pub url: String,
    /// Headers that the collector wants. They are secrets: on a laptop they come from `OTEL_EXPORTER_OTLP_HEADERS`, and elsewhere there
    /// are none, since a variable is no place for a secret. Their `Debug` hides them.
    pub headers: Vec<(HeaderName, HeaderValue)>,
    /// The part of traces without an error that is kept, 0 to 1. Where the caller has decided, it does not count.
    pub ratio: f64,
}

impl Config {
    /// Traces to the collector at `url`, an address for traces, at the usual ratio and without headers.
    pub fn to(url: impl Into<String>) -> Self {
        Self { url: url.into(), headers: Vec::new(), ratio: RATIO }
    }

    /// Reads OpenTelemetry's variables and `TRACE_SAMPLE_RATIO`; without an endpoint there is no export, which is `None`.
    ///
    /// Source: <https://opentelemetry.io/docs/specs/otel/protocol/exporter/>: the endpoint for traces is taken as it stands, the general one
    /// is a base. Where `environment` is not `development`, headers are not read.
    ///
    /// # Errors
    ///
    /// What is wrong with a setting, in words that name it.
    pub fn read(environment: &str, var: impl Fn(&str) -> Option<String>) -> Result<Option<Self>, String> {
        let var = |name: &str| var(name).map(|value| value.trim().to_owned()).filter(|value| !value.is_empty());
        let base = |base: String| format!("{}/v1/traces", base.trim_end_matches('/'));
        let own = var("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT");
        let Some(url) = own.or_else(|| var("OTEL_EXPORTER_OTLP_ENDPOINT").map(base)) else { return Ok(None) };
        if url.parse::<Uri>().ok().as_ref().and_then(Transport::of).is_none() {
            return Err("OTEL_EXPORTER_OTLP_ENDPOINT is neither an https URL nor an http one on loopback".to_owned());
        }
        let ratio = match var("TRACE_SAMPLE_RATIO").map(|text| text.parse()) {
            None => RATIO,
            Some(Ok(ratio)) if (0.0..=1.0).contains(&ratio) => ratio,
            Some(_) => return Err("TRACE_SAMPLE_RATIO is not between 0 and 1".to_owned()),
        };
        let listed = var("OTEL_EXPORTER_OTLP_HEADERS").filter(|_| environment == "development").unwrap_or_default();
        let pairs = listed.split(',').filter_map(|pair| pair.split_once('='));
        let header = |(name, value): (&str, &str)| {
            let value = percent_encoding::percent_decode_str(value.trim()).collect::<Vec<u8>>();
            let mut value = HeaderValue::from_bytes(&value).ok()?;
            value.set_sensitive(true);
            Some((name.trim().parse().ok()?, value))
        };
        let headers: Option<_> = pairs.map(header).collect();
        let headers = headers.ok_or("OTEL_EXPORTER_OTLP_HEADERS is not a list of name=value")?;
        Ok(Some(Self { url, headers, ratio }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(environment: &str, pairs: &[(&str, &str)]) -> Result<Option<Config>, String> {
        Config::read(environment, |name| {
            pairs.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned())
        })
    }

    #[test]
    fn without_an_endpoint_nothing_is_exported() {
        assert_eq!(read("production", &[("TRACE_SAMPLE_RATIO", "1")]), Ok(None));
        assert_eq!(read("production", &[("OTEL_EXPORTER_OTLP_ENDPOINT", " ")]), Ok(None));
    }

    #[test]
    fn the_general_endpoint_is_a_base_and_that_of_traces_is_whole() {
        let url = |pairs: &[(&str, &str)]| read("development", pairs).unwrap().unwrap().url;
        for base in ["http://localhost:4318", "http://localhost:4318/"] {
            assert_eq!(url(&[("OTEL_EXPORTER_OTLP_ENDPOINT", base)]), "http://localhost:4318/v1/traces");
        }
        let both = [
            ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://localhost:4318"),
            ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "https://b/c"),
        ];
        assert_eq!(url(&both), "https://b/c");
        for bad in ["localhost:4317", "http://collector.example:4318", "grpc://localhost:4317"] {
            assert!(read("development", &[("OTEL_EXPORTER_OTLP_ENDPOINT", bad)]).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_ratio_is_between_nought_and_one_and_a_tenth_unless_said() {
        let with = |ratio| {
            let pairs = [("OTEL_EXPORTER_OTLP_ENDPOINT", "http://localhost:4318"), ("TRACE_SAMPLE_RATIO", ratio)];
            read("development", &pairs).map(|config| config.unwrap().ratio)
        };
        assert_eq!((with(""), with("0.05"), with("1")), (Ok(0.1), Ok(0.05), Ok(1.0)));
        for bad in ["1.01", "-0.1", "NaN", "ten"] {
            assert!(with(bad).unwrap_err().contains("TRACE_SAMPLE_RATIO"), "{bad}");
        }
    }

    #[test]
    fn headers_are_read_on_a_laptop_alone_and_never_shown() {
        let pairs = [
            ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://localhost:4318"),
            ("OTEL_EXPORTER_OTLP_HEADERS", "X-Key=s3cret%20x, b=c=d"),
        ];
        let config = read("development", &pairs).unwrap().unwrap();
        let headers: Vec<_> =
            config.headers.iter().map(|(name, value)| (name.as_str(), value.to_str().unwrap())).collect();
        assert_eq!(headers, [("x-key", "s3cret x"), ("b", "c=d")]);
        assert!(!format!("{config:?}").contains("s3cret"));
        assert_eq!(read("production", &pairs).unwrap().unwrap().headers, []);
    }
}
