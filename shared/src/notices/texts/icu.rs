//! Numbers, dates and plurals by ICU4X, with no more of its data than notices use.

use formatjs_icu_messageformat::{
    DateTimeFormatOptions, DateTimeKind, DateTimeValue, Error, ErrorCode, ExtendedNumberFormatOptions, Formatters,
    Locale, NumericValue, PluralCategory, PluralType, Result,
};
use icu_calendar::{Date, Gregorian};
use icu_datetime::{FixedCalendarDateTimeFormatter, fieldsets::YMD};
use icu_decimal::{DecimalFormatter, input::Decimal};
use icu_plurals::PluralRules;
use std::fmt::Display;

/// Formats what texts of one language hold.
pub(super) struct Plain {
    /// How the first day of a month is written where its number alone is wrong, as in French.
    pub(super) first_of_month: Option<String>,
}

impl Formatters for Plain {
    fn format_number(&self, locale: &Locale, value: NumericValue, _: &ExtendedNumberFormatOptions) -> Result<String> {
        let formatter = DecimalFormatter::try_new(locale.clone().into(), Default::default()).map_err(fault)?;
        Ok(formatter.format_to_string(&Decimal::from(whole(value)?)))
    }

    /// The date in full, of the Gregorian calendar; every style is this one.
    fn format_datetime(
        &self,
        locale: &Locale,
        value: DateTimeValue,
        _: DateTimeKind,
        _: &DateTimeFormatOptions,
    ) -> Result<String> {
        let date = Date::try_new_gregorian(value.year, value.month, value.day).map_err(fault)?;
        let formatter = FixedCalendarDateTimeFormatter::<Gregorian, _>::try_new(locale.clone().into(), YMD::long());
        let text = formatter.map_err(fault)?.format(&date).to_string();
        Ok(match &self.first_of_month {
            Some(first) if value.day == 1 => {
                text.split(' ').map(|word| if word == "1" { first } else { word }).collect::<Vec<_>>().join(" ")
            }
            _ => text,
        })
    }

    fn plural_category(&self, locale: &Locale, value: NumericValue, kind: PluralType) -> Result<PluralCategory> {
        let rules = match kind {
            PluralType::Cardinal => PluralRules::try_new_cardinal(locale.clone().into()),
            PluralType::Ordinal => PluralRules::try_new_ordinal(locale.clone().into()),
        };
        Ok(rules.map_err(fault)?.category_for(whole(value)?))
    }
}

/// The whole number that `value` is: notices count, and measure nothing.
fn whole(value: NumericValue) -> Result<u64> {
    value.decimal_string()?.parse().map_err(fault)
}

fn fault(why: impl Display) -> Error {
    Error::new(ErrorCode::Formatter, why.to_string())
}
