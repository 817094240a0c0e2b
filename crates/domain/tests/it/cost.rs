//! M09: what calls cost, against values computed by hand from the price lists. All amounts are nano-dollars.

use keyward_domain::catalog::{Catalog, Model, Pricing, ServiceClass};
use keyward_domain::cost::{ChargeContext, charge, worst_case};
use keyward_domain::money::Nanodollars;
use keyward_domain::usage::Usage;
use proptest::prelude::*;
use serde_json::json;

fn listed(provider: &str, model: &str) -> Pricing {
    let catalog = Catalog::shipped().expect("the shipped catalog is valid");
    catalog.model(provider, model).expect("listed").pricing.clone()
}

fn priced(entry: &serde_json::Value) -> Pricing {
    Model::overridden(None, entry).expect("a valid entry").pricing
}

fn cost(pricing: &Pricing, usage: Usage, context: ChargeContext<'_>) -> Option<i64> {
    charge(pricing, &usage, &context).map(|amount| amount.0)
}

fn standard(pricing: &Pricing, usage: Usage) -> Option<i64> {
    cost(pricing, usage, ChargeContext::default())
}

fn served(service: ServiceClass) -> ChargeContext<'static> {
    ChargeContext { service, ..ChargeContext::default() }
}

#[test]
fn m09_openai_chat_with_cached_and_reasoning_tokens() {
    // in 2.50, cached 0.25, out 15.00 dollars per million.
    let usage = Usage { input_uncached: 1_000, cache_read: 500, output: 200, reasoning: 100, ..Usage::default() };
    assert_eq!(standard(&listed("openai", "gpt-5.4"), usage), Some(2_500_000 + 125_000 + 4_500_000));
}

#[test]
fn m09_anthropic_caches_for_five_minutes_and_for_an_hour() {
    // in 5.00, write 6.25, write for an hour 10.00, read 0.50, out 25.00.
    let usage = Usage {
        input_uncached: 40,
        cache_write_5m: 150,
        cache_write_1h: 50,
        cache_read: 1_000,
        output: 60,
        reasoning: 30,
        ..Usage::default()
    };
    let expected = 200_000 + 937_500 + 500_000 + 500_000 + 2_250_000;
    assert_eq!(standard(&listed("anthropic", "claude-opus-4-5"), usage), Some(expected));
}

#[test]
fn m09_an_hour_of_cache_falls_back_to_five_minutes_and_then_to_plain_input() {
    let hour = Usage { cache_write_1h: 100, ..Usage::default() };
    // The batch list has write 3.125 and no line for an hour.
    assert_eq!(cost(&listed("anthropic", "claude-opus-4-5"), hour, served(ServiceClass::Batch)), Some(312_500));
    // gemini-2.5-flash has no line for writing at all: in 0.30.
    assert_eq!(standard(&listed("gemini", "gemini-2.5-flash"), hour), Some(30_000));
    let minutes = Usage { cache_write_5m: 100, ..Usage::default() };
    assert_eq!(standard(&listed("gemini", "gemini-2.5-flash"), minutes), Some(30_000));
}

#[test]
fn m09_a_listed_zero_beside_other_prices_is_a_price() {
    // deepseek-chat: writing the cache costs 0, reading 0.028, in 0.28.
    let usage = Usage { cache_write_5m: 1_000, cache_read: 1_000, input_uncached: 1_000, ..Usage::default() };
    assert_eq!(standard(&listed("deepseek", "deepseek-chat"), usage), Some(28_000 + 280_000));
}

#[test]
fn m09_a_long_prompt_moves_the_whole_call_to_the_dearer_tier() {
    // gemini-2.5-pro: in 1.25 and out 10.00 up to 200,000 tokens; in 2.50, cached 0.25, out 15.00 above.
    let pricing = listed("gemini", "gemini-2.5-pro");
    let at = Usage { input_uncached: 200_000, output: 1_000, ..Usage::default() };
    assert_eq!(standard(&pricing, at), Some(250_000_000 + 10_000_000));
    let above = Usage { input_uncached: 200_001, output: 1_000, ..Usage::default() };
    assert_eq!(standard(&pricing, above), Some(500_002_500 + 15_000_000));
    let mostly_cached = Usage { input_uncached: 1, cache_read: 200_000, ..Usage::default() };
    assert_eq!(standard(&pricing, mostly_cached), Some(2_500 + 50_000_000));
}

#[test]
fn m09_the_prompt_length_can_be_given_apart_from_the_buckets() {
    let usage = Usage { input_uncached: 200_001, ..Usage::default() };
    let context = ChargeContext { prompt_tokens: Some(100), ..ChargeContext::default() };
    assert_eq!(cost(&listed("gemini", "gemini-2.5-pro"), usage, context), Some(250_001_250));
}

#[test]
fn m09_classes_of_service_have_their_own_rates() {
    let usage = Usage { input_uncached: 1_000, cache_read: 100, output: 10, ..Usage::default() };
    let pricing = listed("openai", "gpt-5.4");
    // batch and flex: in 1.25, cached 0.13, out 7.50. priority: 5.00, 0.50, 30.00.
    assert_eq!(cost(&pricing, usage, served(ServiceClass::Batch)), Some(1_250_000 + 13_000 + 75_000));
    assert_eq!(cost(&pricing, usage, served(ServiceClass::Flex)), Some(1_250_000 + 13_000 + 75_000));
    assert_eq!(cost(&pricing, usage, served(ServiceClass::Priority)), Some(5_000_000 + 50_000 + 300_000));
    assert_eq!(cost(&pricing, usage, ChargeContext::of_tier(Some("fast"))), Some(5_350_000));
    // No such class listed: the standard one.
    assert_eq!(cost(&pricing, usage, served(ServiceClass::Ultrafast)), standard(&pricing, usage));
}

#[test]
fn m09_a_tier_without_the_class_keeps_the_classs_own_rate() {
    let long = Usage { input_uncached: 250_000, ..Usage::default() };
    let pricing = listed("gemini", "gemini-2.5-pro");
    // The tier lists standard (2.50) and priority (4.50) only; batch stays at 0.625.
    assert_eq!(cost(&pricing, long, served(ServiceClass::Priority)), Some(1_125_000_000));
    assert_eq!(cost(&pricing, long, served(ServiceClass::Batch)), Some(156_250_000));
}

#[test]
fn m09_audio_and_images_have_their_own_rates_or_fall_back() {
    let usage = Usage { input_uncached: 10, input_audio: 100, input_image: 10, output_audio: 5, ..Usage::default() };
    // gemini-2.5-flash: in 0.30, audio 1.00, images as text; answers 2.50 of whatever kind.
    assert_eq!(standard(&listed("gemini", "gemini-2.5-flash"), usage), Some(3_000 + 100_000 + 3_000 + 12_500));
}

#[test]
fn m09_pictures_by_tokens_are_not_billed_by_the_piece_again() {
    let pricing = listed("openai", "gpt-image-1");
    // in 5.00, out (image) 40.00; the list also has prices per picture.
    let usage = Usage { input_uncached: 20, output_image: 1_056, images: 1, ..Usage::default() };
    assert_eq!(standard(&pricing, usage), Some(100_000 + 42_240_000));
}

#[test]
fn m09_pictures_by_the_piece_by_size_and_quality() {
    let pricing = listed("openai", "gpt-image-1");
    let usage = Usage { images: 2, ..Usage::default() };
    let facts = [("quality", "high"), ("size", "1024x1024"), ("style", "vivid")];
    let context = ChargeContext { facts: &facts, ..ChargeContext::default() };
    assert_eq!(cost(&pricing, usage, context), Some(334_000_000));
    assert_eq!(standard(&pricing, usage), None, "no price without a size: unknown, not 0");
}

#[test]
fn m09_speech_heard_by_the_second_is_charged_once_and_to_the_millisecond() {
    // whisper-1: 0.0001 dollars a second.
    let pricing = listed("openai", "whisper-1");
    assert_eq!(standard(&pricing, Usage { input_audio_ms: 1_500, ..Usage::default() }), Some(150_000));
    assert_eq!(standard(&pricing, Usage { input_audio_ms: 1, ..Usage::default() }), Some(100));
    let both = priced(&json!({"kind": "transcription", "unit": {"in_second": 100_000_000, "out_second": 100_000_000}}));
    assert_eq!(standard(&both, Usage { input_audio_ms: 1_500, ..Usage::default() }), Some(150_000));
}

#[test]
fn m09_speech_heard_by_tokens_is_not_billed_by_the_second_again() {
    // gpt-4o-transcribe: in and audio 2.50, out 10.00, or 0.0001 a second.
    let pricing = listed("openai", "gpt-4o-transcribe");
    let usage = Usage { input_audio: 100, output: 20, input_audio_ms: 9_000, ..Usage::default() };
    assert_eq!(standard(&pricing, usage), Some(250_000 + 200_000));
    assert_eq!(standard(&pricing, Usage { input_audio_ms: 9_000, ..Usage::default() }), Some(900_000));
}

#[test]
fn m09_speech_spoken_by_the_character() {
    assert_eq!(
        standard(&listed("openai", "tts-1"), Usage { input_characters: 100, ..Usage::default() }),
        Some(1_500_000)
    );
}

#[test]
fn m09_embeddings_bill_the_input_only() {
    let usage = Usage { input_uncached: 1_000, output: 77, ..Usage::default() };
    assert_eq!(standard(&listed("openai", "text-embedding-3-small"), usage), Some(20_000));
}

#[test]
fn m09_searches_are_billed_by_the_piece() {
    let usage = Usage { input_uncached: 1, searches: 2, ..Usage::default() };
    assert_eq!(standard(&listed("anthropic", "claude-opus-4-5"), usage), Some(5_000 + 20_000_000));
    let sized = priced(
        &json!({"price": {"std": {"in": 0, "out": 1}}, "search": {"low": 5, "medium": 8_000, "high": 9_000_000}}),
    );
    assert_eq!(standard(&sized, Usage { searches: 3, ..Usage::default() }), Some(24));
    let none = priced(&json!({"price": {"std": {"in": 1, "out": 1}}}));
    assert_eq!(standard(&none, usage), None, "nobody knows what a search costs here");
}

#[test]
fn m09_factors_apply_to_the_whole_call_before_the_one_rounding() {
    let pricing =
        priced(&json!({"price": {"std": {"in": 5_000_000, "out": 1}}, "mult_permille": {"us": 1100, "fast": 2000}}));
    let usage = Usage { input_uncached: 3, ..Usage::default() };
    let with = |factors: &[&str]| cost(&pricing, usage, ChargeContext { factors, ..ChargeContext::default() });
    assert_eq!(with(&[]), Some(15_000));
    assert_eq!(with(&["us"]), Some(16_500));
    assert_eq!(with(&["us", "fast", "global"]), Some(33_000));
}

#[test]
fn m09_one_rounding_up_for_the_whole_attempt() {
    // Four buckets of 0.4 nano-dollars each are 1.6 together: 2, not 4.
    let pricing = priced(&json!({"price": {"std": {"in": 400, "out": 400, "cache_read": 400, "cache_write": 400}}}));
    let usage = Usage { input_uncached: 1, cache_read: 1, cache_write_5m: 1, output: 1, ..Usage::default() };
    assert_eq!(standard(&pricing, usage), Some(2));
    let odd = priced(&json!({"price": {"std": {"in": 999, "out": 1}}, "mult_permille": {"x": 1001}}));
    let factor = ChargeContext { factors: &["x"], ..ChargeContext::default() };
    // 0.999 times 1.001 is 0.999999: 1. Rounding before the factor would give 2.
    assert_eq!(cost(&odd, Usage { input_uncached: 1, ..Usage::default() }, factor), Some(1));
}

#[test]
fn m08_unknown_is_never_nothing() {
    let usage = Usage { input_uncached: 1, ..Usage::default() };
    assert_eq!(standard(&Pricing::Unknown, usage), None);
    assert_eq!(standard(&Pricing::Unknown, Usage::default()), None);
    assert_eq!(standard(&Pricing::Free, usage), Some(0));
    let no_out = priced(&json!({"price": {"std": {"in": 10}}}));
    assert_eq!(standard(&no_out, Usage { output: 1, ..usage }), None, "answers of unknown price");
    let by_piece = priced(&json!({"kind": "speech", "unit": {"in_char": 10}}));
    assert_eq!(standard(&by_piece, usage), None, "tokens where only characters have a price");
}

#[test]
fn m09_sums_beyond_all_measure_stop_at_the_largest_amount() {
    let pricing =
        priced(&json!({"price": {"std": {"in": u64::MAX, "out": u64::MAX}}, "mult_permille": {"x": u32::MAX}}));
    let usage = Usage { input_uncached: u64::MAX, output: u64::MAX, reasoning: u64::MAX, ..Usage::default() };
    let factor = ChargeContext { factors: &["x", "x", "x"], ..ChargeContext::default() };
    assert_eq!(cost(&pricing, usage, factor), Some(i64::MAX));
    assert_eq!(worst_case(&pricing, u64::MAX, u64::MAX, u32::MAX), Some(Nanodollars(i64::MAX)));
}

#[test]
fn m09_the_worst_case_by_hand() {
    let most =
        |pricing: &Pricing, input, output, candidates| worst_case(pricing, input, output, candidates).map(|n| n.0);
    // claude-opus-4-5: the dearest input is a cache write for an hour (10.00), out 25.00.
    assert_eq!(most(&listed("anthropic", "claude-opus-4-5"), 1_000, 100, 1), Some(10_000_000 + 2_500_000));
    assert_eq!(most(&listed("anthropic", "claude-opus-4-5"), 1_000, 100, 3), Some(10_000_000 + 7_500_000));
    // gemini-2.5-pro: priority in 2.25 and out 18.00; above 200,000 tokens 4.50 and 27.00.
    let gemini = listed("gemini", "gemini-2.5-pro");
    assert_eq!(most(&gemini, 200_000, 10, 1), Some(450_000_000 + 180_000));
    assert_eq!(most(&gemini, 200_001, 10, 1), Some(900_004_500 + 270_000));
    // Regional factor 1.1 of gpt-5.4; priority in 5.00 and out 30.00.
    assert_eq!(most(&listed("openai", "gpt-5.4"), 1_000, 100, 1), Some(5_500_000 + 3_300_000));
    // A recording of 1,000 bytes lasts at most two seconds.
    assert_eq!(most(&listed("openai", "whisper-1"), 1_000, 50, 1), Some(200_000));
    assert_eq!(most(&listed("openai", "tts-1"), 100, 50, 1), Some(1_500_000));
    assert_eq!(most(&listed("openai", "text-embedding-3-small"), 1_000, 50, 1), Some(20_000));
    assert_eq!(most(&Pricing::Unknown, 1, 1, 1), None);
    assert_eq!(most(&Pricing::Free, 1, 1, 1), Some(0));
    assert_eq!(most(&priced(&json!({"price": {"std": {"in": 10}}})), 1, 1, 1), None);
}

fn tokens() -> impl Strategy<Value = Usage> {
    let bucket = || 0_u64..400_000;
    (proptest::array::uniform6(bucket()), proptest::array::uniform4(bucket())).prop_map(|(input, output)| Usage {
        input_uncached: input[0],
        cache_read: input[1],
        cache_write_5m: input[2],
        cache_write_1h: input[3],
        input_audio: input[4],
        input_image: input[5],
        output: output[0],
        reasoning: output[1],
        output_audio: output[2],
        output_image: output[3],
        ..Usage::default()
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    /// Whatever is consumed within the bounds of the reservation costs no more than was reserved, at every model of the
    /// catalog, in every class and with every factor.
    #[test]
    fn m09_no_call_costs_more_than_its_worst_case(usage in tokens(), class in 0_usize..5) {
        let classes = [ServiceClass::Standard, ServiceClass::Batch, ServiceClass::Flex, ServiceClass::Priority, ServiceClass::Ultrafast];
        let context = ChargeContext { service: classes[class], factors: &["us", "fast"], ..ChargeContext::default() };
        let catalog = Catalog::shipped().unwrap();
        for provider in catalog.providers() {
            for (name, model) in catalog.models(provider) {
                if let Some(cost) = charge(&model.pricing, &usage, &context) {
                    let most = worst_case(&model.pricing, usage.prompt_tokens(), usage.completion_tokens(), 1);
                    prop_assert!(most >= Some(cost), "{provider}/{name}: {cost} of at most {most:?}");
                }
            }
        }
    }

    /// More of anything never costs less.
    #[test]
    fn m09_cost_grows_with_every_bucket(usage in tokens(), more in tokens()) {
        let sum = Usage {
            input_uncached: usage.input_uncached + more.input_uncached,
            cache_read: usage.cache_read + more.cache_read,
            cache_write_5m: usage.cache_write_5m + more.cache_write_5m,
            cache_write_1h: usage.cache_write_1h + more.cache_write_1h,
            input_audio: usage.input_audio + more.input_audio,
            input_image: usage.input_image + more.input_image,
            output: usage.output + more.output,
            reasoning: usage.reasoning + more.reasoning,
            output_audio: usage.output_audio + more.output_audio,
            output_image: usage.output_image + more.output_image,
            ..Usage::default()
        };
        for (provider, model) in [("gemini", "gemini-2.5-pro"), ("anthropic", "claude-opus-4-5"), ("openai", "gpt-5.4")] {
            let pricing = listed(provider, model);
            prop_assert!(standard(&pricing, sum) >= standard(&pricing, usage));
        }
    }

    /// Splitting a call in two costs at most one rounding more, where there are no tiers.
    #[test]
    fn m09_rounding_costs_less_than_one_unit(a in tokens(), rate in 1_u64..10_000) {
        let pricing = priced(&json!({"price": {"std": {"in": rate, "out": rate}}}));
        let exact = u128::from(a.prompt_tokens() + a.completion_tokens()) * u128::from(rate);
        let charged = u128::try_from(standard(&pricing, a).unwrap()).unwrap() * 1_000;
        prop_assert!(charged >= exact && charged < exact + 1_000);
    }
}
