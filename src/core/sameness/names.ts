import { table } from './table.ts';

// Names that people write without their capital, by kind. Two questions that differ in one of them are two questions;
// the kind is what an explanation says.

const NAMES: { readonly [kind: string]: string } = {
  country: `afghanistan albania algeria argentina armenia australia austria azerbaijan bangladesh belarus belgium bolivia bosnia
    botswana brazil bulgaria cambodia cameroon canada chile china colombia croatia cuba cyprus czechia denmark ecuador egypt
    england estonia ethiopia fiji finland france georgia germany ghana greece guatemala haiti honduras hungary iceland india
    indonesia iran iraq ireland israel italy jamaica japan jordan kazakhstan kenya korea kosovo kuwait laos latvia lebanon
    libya lithuania luxembourg madagascar malaysia mali malta mexico moldova mongolia montenegro morocco mozambique myanmar
    namibia nepal netherlands nicaragua niger nigeria norway oman pakistan panama paraguay peru philippines poland portugal
    qatar romania russia rwanda scotland senegal serbia singapore slovakia slovenia somalia spain sudan sweden switzerland
    syria taiwan tanzania thailand tunisia uganda ukraine uruguay usa uk uzbekistan venezuela vietnam wales yemen zambia zimbabwe
    europe asia africa california texas florida ontario quebec bavaria`,
  language: `english french german spanish italian portuguese dutch swedish norwegian danish finnish icelandic polish czech slovak
    hungarian romanian bulgarian greek turkish russian ukrainian arabic hebrew persian farsi urdu hindi bengali tamil telugu
    punjabi chinese mandarin cantonese japanese korean thai vietnamese indonesian malay tagalog swahili zulu amharic latin
    esperanto welsh irish catalan basque american british canadian australian indian mexican brazilian swiss austrian belgian`,
  company: `google microsoft apple amazon facebook meta netflix tesla toyota honda ford bmw samsung sony nokia intel nvidia amd ibm
    oracle cisco adobe salesforce uber lyft airbnb spotify twitter linkedin paypal stripe shopify ebay walmart costco ikea
    openai anthropic deepmind cloudflare vercel github gitlab slack zoom dropbox reddit tiktok instagram whatsapp telegram
    youtube snapchat visa mastercard starbucks pepsi nike adidas boeing airbus siemens volkswagen audi mercedes`,
  technology: `javascript typescript python java kotlin swift rust golang ruby php perl scala haskell elixir erlang clojure lua dart
    fortran cobol pascal sql postgresql mysql sqlite mongodb redis mariadb oracle react angular vue svelte django flask rails
    laravel spring nodejs deno bun docker kubernetes linux windows macos ubuntu debian android ios json xml yaml csv toml html
    css graphql rest grpc soap http https tcp udp aws azure gcp git svn npm pnpm yarn pip webpack vite tensorflow pytorch
    excel word powerpoint chrome firefox safari bash powershell zsh vim emacs`,
};

const UNITS = `celsius fahrenheit kelvin=kelvins km=kilometre=kilometer=kilometres=kilometers=kms mile=miles metre=meter=metres=meters
  cm=centimetre=centimeter=centimetres=centimeters mm=millimetre=millimeter=millimetres=millimeters inch=inches foot=feet=ft
  yard=yards kg=kilogram=kilograms=kilo=kilos=kgs gram=grams pound=pounds=lb=lbs ounce=ounces=oz ton=tons tonne=tonnes stone
  litre=liter=litres=liters ml=millilitre=milliliter=millilitres=milliliters gallon=gallons pint=pints cup=cups tablespoon=tablespoons
  teaspoon=teaspoons second=seconds=sec=secs minute=minutes=min=mins hour=hours=hr=hrs day=days week=weeks month=months year=years
  decade=decades century=centuries millisecond=milliseconds=ms byte=bytes kb=kilobyte=kilobytes mb=megabyte=megabytes
  gb=gigabyte=gigabytes tb=terabyte=terabytes bit=bits watt=watts kw=kilowatt=kilowatts volt=volts amp=amps joule=joules
  calorie=calories dollar=dollars=usd euro=euros=eur cent=cents yen=jpy rupee=rupees=inr franc=francs=chf sterling=gbp yuan=rmb
  peso=pesos won krona kronor percent=percentage degree=degrees radian=radians acre=acres hectare=hectares hertz=hz knot=knots
  daily weekly monthly yearly=annually annual hourly quarterly pm morning afternoon evening night noon midnight
  monday tuesday wednesday thursday friday saturday sunday january february march april june july august september october
  november december summer winter spring autumn`;

const NUMBERS = `zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen
  eighteen nineteen twenty thirty=30 forty=40 fifty=50 sixty=60 seventy=70 eighty=80 ninety=90 hundred=100 thousand=1000
  million=1000000 billion=1000000000 trillion=1000000000000 dozen=12`;
const ORDINALS = `third:3 fourth:4 fifth:5 sixth:6 seventh:7 eighth:8 ninth:9 tenth:10 eleventh:11 twelfth:12 twentieth:20 hundredth:100`;

export const NAMED = table(
  (): ReadonlyMap<string, string> =>
    new Map(Object.entries(NAMES).flatMap(([kind, words]) => words.split(/\s+/).map((word): [string, string] => [word, kind]))),
);

export const UNIT = table((): ReadonlyMap<string, string> => {
  const groups = UNITS.split(/\s+/).map((group) => group.split('='));
  return new Map(groups.flatMap((words) => words.map((word): [string, string] => [word, words[0] ?? word])));
});

/** Number words by what they count, and ordinals as "3rd" is written. "Second" is as often a unit, and stays one. */
export const COUNTED = table((): ReadonlyMap<string, string> => {
  const numbers = NUMBERS.split(/\s+/).map((entry, at): [string, string] => {
    const [word = '', value = String(at)] = entry.split('=');
    return [word, value];
  });
  const ordinals = ORDINALS.split(' ').map((entry): [string, string] => {
    const [word = '', value = ''] = entry.split(':');
    return [word, `#${value}`];
  });
  return new Map([...numbers, ...ordinals]);
});
