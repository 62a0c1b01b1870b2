import { random } from './corpus.mjs';

// Sentences as they come to a gateway, put together from forms and things: they bring the words of work, code, support
// and places into the vocabulary, in many company.

const split = (text) => text.trim().split(/\s*[|\n]\s*/);

const things = {
  topic: split(`machine learning|climate change|inflation|photosynthesis|the French Revolution|quantum computing|blockchain|black holes
    vaccines|the stock market|renewable energy|nuclear power|evolution|the immune system|World War II|the Roman Empire|supply and demand
    artificial intelligence|neural networks|transformers|embeddings|gravity|relativity|plate tectonics|democracy|the US constitution
    human rights|meditation|yoga|intermittent fasting|the keto diet|weight loss|muscle gain|insomnia|anxiety|depression|diabetes
    high blood pressure|migraines|allergies|vitamins|antibiotics|cancer|DNA|genetics|cryptography|cloud computing|cyber security
    marketing strategy|project management|agile development|remote work|leadership|negotiation|public speaking|time management
    personal finance|credit cards|mortgages|retirement savings|index funds|cryptocurrency|Bitcoin|Ethereum|taxes|insurance
    chess|football|basketball|cricket|tennis|the Olympics|classical music|jazz|hip hop|guitar chords|photography|oil painting
    Shakespeare|poetry|science fiction|Greek mythology|Buddhism|Christianity|Islam|Hinduism|philosophy|stoicism|ethics|logic
    calculus|linear algebra|statistics|probability|geometry|trigonometry|prime numbers|chemistry|the periodic table|acids and bases
    electricity|magnetism|thermodynamics|semiconductors|robotics|drones|electric cars|space travel|Mars|the moon|satellites|dinosaurs
    dogs|cats|horses|whales|bees|gardening|houseplants|composting|cooking pasta|baking bread|coffee|wine|beer|vegan food|sushi`),
  code: split(`a binary search|quicksort|a linked list|a REST API|a GraphQL server|a web scraper|a regular expression|a SQL query|a unit test
    a Dockerfile|a Kubernetes deployment|a GitHub Actions workflow|a login form|JWT authentication|an OAuth flow|a rate limiter
    a cache with expiry|a thread pool|a websocket server|an async queue|error handling|pagination|a recursive function
    a database migration|an index on a table|a left join|a CSV parser|a JSON schema|an XML parser|a date formatter|a priority queue
    a hash map|a binary tree|a graph traversal|dynamic programming|a decorator|a generator|a closure|dependency injection|a React component
    a CSS grid layout|a dropdown menu|dark mode|a shell script|a cron job|a Terraform module|a Lambda function|a message broker
    an environment variable|a memory leak|a deadlock|a race condition|a segmentation fault|a null pointer exception|a stack overflow
    a merge conflict|a failing build|a timeout error|a CORS error|a 404 error|a 500 internal server error|a type error|an import error`),
  language: split(
    'Python|JavaScript|TypeScript|Java|C#|C++|C|Go|Rust|Ruby|PHP|Swift|Kotlin|Scala|R|MATLAB|Perl|Haskell|Elixir|Lua|SQL|Bash|PowerShell',
  ),
  tool: split(`React|Vue|Angular|Svelte|Next.js|Node.js|Express|Django|Flask|FastAPI|Spring Boot|Rails|Laravel|PostgreSQL|MySQL|SQLite|MongoDB
    Redis|Elasticsearch|Kafka|RabbitMQ|Docker|Kubernetes|Terraform|Ansible|Jenkins|GitHub|GitLab|AWS|Azure|Google Cloud|Cloudflare|Linux
    Ubuntu|Windows|macOS|Android|iOS|Excel|Google Sheets|Word|PowerPoint|Outlook|Gmail|Slack|Teams|Zoom|Notion|Jira|Salesforce|HubSpot
    Shopify|WordPress|Stripe|PayPal|Figma|Photoshop|Blender|Unity|PyTorch|TensorFlow|NumPy|pandas|scikit-learn|LangChain|OpenAI|Claude|Gemini`),
  country:
    split(`the United States|the US|the UK|England|Scotland|Ireland|France|Germany|Spain|Italy|Portugal|the Netherlands|Belgium|Switzerland
    Austria|Poland|Sweden|Norway|Denmark|Finland|Iceland|Greece|Turkey|Russia|Ukraine|India|Pakistan|Bangladesh|China|Japan|South Korea
    Taiwan|Vietnam|Thailand|Indonesia|Malaysia|Singapore|the Philippines|Australia|New Zealand|Canada|Mexico|Brazil|Argentina|Chile
    Colombia|Peru|Egypt|Nigeria|Kenya|South Africa|Morocco|Israel|Saudi Arabia|the UAE|Iran|Iraq`),
  city: split(`London|Paris|Berlin|Madrid|Rome|Amsterdam|Vienna|Dublin|New York|Los Angeles|San Francisco|Chicago|Boston|Seattle|Toronto|Tokyo
    Beijing|Shanghai|Hong Kong|Seoul|Mumbai|Delhi|Bangalore|Sydney|Melbourne|Dubai|Cairo|Lagos|Nairobi|Istanbul|Moscow|Mexico City`),
  company:
    split(`Apple|Google|Microsoft|Amazon|Meta|Facebook|Netflix|Tesla|Nvidia|Intel|AMD|Samsung|Sony|IBM|Oracle|Uber|Airbnb|Spotify|Twitter
    LinkedIn|Instagram|YouTube|WhatsApp|Walmart|Nike|Toyota|BMW|Boeing|Airbus|Disney`),
  item: split(`order|invoice|subscription|refund|parcel|delivery|account|password|email address|phone number|payment method|credit card|gift card
    warranty|return label|receipt|discount code|loyalty points|reservation|booking|flight|hotel room|appointment|contract|license key
    API key|profile picture|shipping address|billing address|plan|membership|laptop|phone|headphones|camera|printer|router|washing machine`),
  action:
    split(`cancel|change|update|delete|restore|track|return|replace|renew|upgrade|downgrade|pause|verify|reset|activate|deactivate|enable|disable
    download|share|transfer|find|check|confirm|extend|report|block|unblock|add|remove|schedule|reschedule`),
  document:
    split(`email|article|report|paragraph|meeting transcript|contract|research paper|product review|support ticket|customer complaint|blog post
    press release|job description|cover letter|resume|tweet|conversation|chat log|news story|story|essay|speech|recipe|policy|user manual
    bug report|changelog|commit message|pull request|log file|database schema|privacy policy|terms of service`),
  tongue: split(
    'English|French|German|Spanish|Italian|Portuguese|Dutch|Polish|Russian|Turkish|Arabic|Hindi|Chinese|Japanese|Korean|Swedish',
  ),
  format: split('JSON|XML|YAML|CSV|Markdown|HTML|a table|a bulleted list|plain text|one sentence|three bullet points|a haiku|LaTeX'),
  person: split(
    `a five year old|a beginner|an expert|a manager|a customer|my boss|a friend|a lawyer|a doctor|students|children|investors|engineers`,
  ),
  label: split(
    `positive or negative|spam or not spam|urgent or not urgent|a question or a statement|one of billing, technical or sales|toxic or harmless`,
  ),
  number: split('2|3|5|7|10|12|15|20|25|50|100|250|500|1000|2020|2021|2022|2023|2024|2025|2026'),
  unit: split(
    'miles|kilometers|pounds|kilograms|ounces|grams|feet|meters|inches|centimeters|dollars|euros|gallons|liters|hours|minutes|seconds|days|weeks|months|years',
  ),
  agent:
    split(`file|directory|web page|search engine|calendar event|contact|issue|repository|branch|customer record|database table|message|channel
    document|spreadsheet|image|video|weather forecast|stock price|exchange rate|map location|flight status|user|team|task|reminder|note`),
};

const forms =
  split(`what is {topic}?|explain {topic} to {person}|give me a summary of {topic}|how does {topic} work?|why is {topic} important?
  what are the advantages and disadvantages of {topic}?|compare {topic} and {topic}|write an essay about {topic}|what is the history of {topic}?
  write a poem about {topic}|give me {number} facts about {topic}|what is the difference between {topic} and {topic}?|is {topic} bad for you?
  who invented {topic}?|recommend {number} books about {topic}|quiz me on {topic}|what should I know about {topic} in {number}?
  write {code} in {language}|how do I implement {code} in {language}?|explain {code} in {language}|convert this {language} code to {language}
  fix {code} in my {language} program|debug {code}|why do I get {code} in {tool}?|optimise this {language} function for speed|add tests for {code}
  how do I install {tool} on {tool}?|how do I connect {tool} to {tool}?|what is the difference between {tool} and {tool}?|how do I use {tool} with {language}?
  best practices for {tool}|refactor this {language} class|review this {language} code for security problems|what does {code} do?
  how can I {action} my {item}?|I want to {action} my {item}|please {action} the {item} for me|can you {action} my {item}?|why can't I {action} my {item}?
  I did not receive my {item}|my {item} is broken|where is my {item}?|how long does it take to {action} the {item}?|do not {action} my {item}
  is it possible to {action} my {item} after {number} days?|how much does it cost to {action} a {item}?|my {item} was charged twice
  summarize this {document}|summarize the following {document} in {format}|translate this {document} to {tongue}|translate this {document} from {tongue} to {tongue}
  rewrite this {document} for {person}|write a {document} about {topic}|extract all names and dates from this {document} as {format}
  classify this {document} as {label}|proofread this {document}|make this {document} shorter|what is the tone of this {document}?
  answer in {format}|reply to this {document} politely|draft a {document} to {person}|generate a title for this {document}|continue this {document}
  what is the capital of {country}?|what is the population of {city}?|what is the weather in {city}?|what time is it in {city}?
  best places to visit in {country}|plan a {number} day trip to {city}|do I need a visa to travel from {country} to {country}?
  what currency is used in {country}?|who is the president of {country}?|minimum wage in {country}|how far is {city} from {city}?
  flights from {city} to {city}|cheap hotels in {city}|best restaurants in {city}|cost of living in {city} versus {city}|moving from {country} to {country}
  who founded {company}?|who is the CEO of {company}?|what is the stock price of {company}?|{company} versus {company}|latest news about {company}
  how do I contact {company} support?|revenue of {company} in {number}|should I buy {company} shares?|when was {company} founded?
  convert {number} {unit} to {unit}|how many {unit} are in {number} {unit}?|what is {number} times {number}?|what is {number} percent of {number}?
  search for a {agent}|create a new {agent}|delete the {agent}|list every {agent}|update a {agent}|get the details of a {agent}|read a {agent}|send a {agent}
  tool that returns the {agent} for a {agent}|open the {agent} named {topic}|add a {agent} to the {agent}|move the {agent} to another {agent}
  you are a helpful assistant that answers questions about {topic}|act as an expert in {topic}|you are a {language} programmer
  always answer in {tongue}|respond only with {format}|step by step, solve this problem about {topic}|give examples of {topic}
  how do I start learning {topic}?|how do I learn {language} in {number} {unit}?|is {language} better than {language}?|is {topic} still relevant in {number}?`);

const COUNT = 9000;

export function templates(seed) {
  const next = random(seed + 3);
  const any = (list) => list[Math.floor(next() * list.length)];
  return Array.from({ length: COUNT }, () => any(forms).replace(/\{(\w+)\}/g, (_, name) => any(things[name])));
}
