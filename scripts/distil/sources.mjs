// What the embedder is distilled from: texts whose licences allow it, each at one commit. `read` gives sentences from
// the repository's files; `heldOut` ones are only for measuring.

/**
 * @typedef {object} Files
 * @property {(pattern: RegExp) => string[]} list Paths that match.
 * @property {(path: string) => string} text
 * @property {(paths: string[]) => string[]} texts
 */

/**
 * @typedef {object} Source
 * @property {string} repository On GitHub.
 * @property {string} commit
 * @property {string} licence Of the texts, by its SPDX name.
 * @property {string} credit
 * @property {number} [most] How many sentences at most are taken.
 * @property {(files: Files) => { train: string[], heldOut?: string[] }} read
 */

const lines = (text) => text.split('\n').filter((line) => line.trim() !== '');
const jsonLines = (text) => lines(text).map((line) => JSON.parse(line));

/** Rows of a CSV file by the names of its first row; cells may hold quotes, commas and line breaks. */
export function csv(text) {
  const rows = [];
  let row = [];
  const cell = /(?:"((?:[^"]|"")*)"|([^",\r\n]*))(,|\r?\n|$)/gy;
  while (cell.lastIndex < text.length) {
    const match = cell.exec(text);
    if (match === null) break;
    row.push(match[1] === undefined ? match[2] : match[1].replaceAll('""', '"'));
    if (match[3] !== ',') {
      rows.push(row);
      row = [];
    }
  }
  const [head = [], ...body] = rows;
  return body.map((cells) => Object.fromEntries(head.map((name, at) => [name, cells[at] ?? ''])));
}

/** What people would read of a Markdown file: prose and headings, without code, tables and tags. */
function prose(text) {
  return text
    .replace(/^---\n[\s\S]*?\n---\n/, '')
    .replace(/```[\s\S]*?```/g, '\n')
    .replace(/^\s*(?:\||<|import |export |\{).*$/gm, '\n')
    .replace(/!?\[([^\]]*)\]\([^)]*\)/g, '$1')
    .replace(/<[^>]*>|[*`]|^#+ |^\s*[-\d.]+ |^> /gm, '')
    .split(/\n\s*\n/)
    .map((paragraph) => paragraph.replace(/\s+/g, ' ').trim())
    .flatMap((paragraph) => paragraph.split(/(?<=[.!?:]) (?=[A-Z])/));
}

const markdown = (pattern) => (files) => ({ train: files.texts(files.list(pattern)).flatMap(prose) });

/** Questions of MMLU and their single options, which name what the questions are about. */
function mmlu(prompt) {
  const [question = '', ...options] = prompt.replace(/\nAnswer:\s*$/, '').split(/\n[A-D]\. /);
  return [question, ...options.filter((option) => option.split(' ').length > 2)];
}

/** @type {readonly Source[]} */
export const sources = [
  {
    repository: 'clinc/oos-eval',
    commit: '828f8093932c8fe6ca7936c3d2e52903b1c523de',
    licence: 'CC-BY-3.0',
    credit: 'CLINC150: Larson et al., An Evaluation Dataset for Intent Classification and Out-of-Scope Prediction, EMNLP 2019',
    read(files) {
      const data = JSON.parse(files.text('data/data_full.json'));
      const of = (...splits) => splits.flatMap((split) => data[split].map(([text]) => text));
      return { train: of('train', 'val', 'oos_train', 'oos_val'), heldOut: of('test', 'oos_test') };
    },
  },
  {
    repository: 'PolyAI-LDN/task-specific-datasets',
    commit: '57ec275d8078af65b7731c2a98be812d844a6d6b',
    licence: 'CC-BY-4.0',
    credit: 'BANKING77: Casanueva et al., Efficient Intent Detection with Dual Sentence Encoders, NLP for ConvAI 2020',
    read: (files) => ({
      train: csv(files.text('banking_data/train.csv')).map((row) => row.text),
      heldOut: csv(files.text('banking_data/test.csv')).map((row) => row.text),
    }),
  },
  {
    repository: 'xliuhw/NLU-Evaluation-Data',
    commit: 'f6071b496b17d71e6eb43f543af0707f4ff30557',
    licence: 'CC-BY-4.0',
    credit: 'HWU64: Liu et al., Benchmarking Natural Language Understanding Services for Building Conversational Agents, IWSDS 2019',
    read: (files) => ({
      train: files
        .texts(files.list(/^CrossValidation\/autoGeneFromRealAnno\/.*\/KFold_\d+\/testset\/annotated\/.*\.json$/))
        .flatMap((text) => Object.values(JSON.parse(text))[0].map((each) => each.text)),
    }),
  },
  {
    repository: 'sonos/nlu-benchmark',
    commit: 'b86ac7f1577868c42158d0dec77db50956046696',
    licence: 'CC0-1.0',
    credit: 'SNIPS: Coucke et al., Snips Voice Platform, 2018',
    most: 3000,
    read: (files) => ({
      train: files
        .texts(files.list(/^2017-06-custom-intent-engines\/\w+\/train_[A-Za-z]+_full\.json$/))
        .flatMap((text) => Object.values(JSON.parse(text))[0].map(({ data }) => data.map((each) => each.text).join(''))),
    }),
  },
  {
    repository: 'brmson/dataset-factoid-webquestions',
    commit: '668890853388010fe6ae9a5eb035a7917b88933b',
    licence: 'CC-BY-4.0',
    credit: 'WebQuestions: Berant et al., Semantic Parsing on Freebase from Question-Answer Pairs, EMNLP 2013',
    read: (files) => ({
      train: ['trainmodel', 'val', 'devtest'].flatMap((name) => JSON.parse(files.text(`main/${name}.json`)).map((each) => each.qText)),
      heldOut: JSON.parse(files.text('main/test.json')).map((each) => each.qText),
    }),
  },
  {
    repository: 'lm-sys/RouteLLM',
    commit: '0b64fdafe049e596a3f5657c219329f24af24198',
    licence: 'Apache-2.0',
    credit: 'Questions of MMLU (Hendrycks et al., 2021) and GSM8K (Cobbe et al., 2021), both MIT, as RouteLLM evaluates them',
    most: 9000,
    read: (files) => ({
      train: [
        ...files
          .texts(files.list(/^routellm\/evals\/mmlu\/responses\/.*\.csv$/))
          .flatMap((text) => csv(text).flatMap((row) => mmlu(row.prompt))),
        ...csv(files.text('routellm/evals/gsm8k/gsm8k_responses.csv')).map((row) => row.prompt),
      ],
    }),
  },
  {
    repository: 'yizhongw/self-instruct',
    commit: '0b26ccaa415992100fa32df62d41b994cf928e23',
    licence: 'Apache-2.0',
    credit: 'Self-Instruct: Wang et al., ACL 2023 (the tasks that people wrote)',
    read: (files) => ({
      train: files
        .texts(['data/seed_tasks.jsonl', 'human_eval/user_oriented_instructions.jsonl'])
        .flatMap((text) =>
          jsonLines(text).flatMap((task) => [task.instruction, ...task.instances.flatMap((each) => [each.input, each.output])]),
        ),
    }),
  },
  {
    repository: 'lm-sys/FastChat',
    commit: '0e6d3e4beaab66f4d3f93db72541a4abab8af28d',
    licence: 'Apache-2.0',
    credit: 'Questions of MT-Bench and Vicuna-Bench: Zheng et al., 2023',
    read: (files) => ({
      train: files
        .texts(files.list(/^fastchat\/llm_judge\/data\/\w+\/question\.jsonl$/))
        .flatMap((text) => jsonLines(text).flatMap((each) => each.turns)),
    }),
  },
  {
    repository: 'tldr-pages/tldr',
    commit: '08e345f42639f67d99282813247ac670dc6e87cb',
    licence: 'CC-BY-4.0',
    credit: 'tldr-pages: what commands are for, by the tldr-pages team and contributors',
    most: 5000,
    read: (files) => ({
      train: files
        .texts(files.list(/^pages\/(?:common|linux)\/.*\.md$/))
        .flatMap((text) => lines(text).filter((line) => /^- |^> (?!More information)/.test(line)))
        .map((line) =>
          line
            .slice(2)
            .replace(/[[\]`]/g, '')
            .replace(/:$/, ''),
        ),
    }),
  },
  {
    repository: 'vercel/ai',
    commit: 'ed857f50f112e23930b0c2dd8d532cc8bebbc911',
    licence: 'Apache-2.0',
    credit: 'Documentation of the AI SDK, Vercel',
    most: 3000,
    read: markdown(/^content\/(?:docs\/0[0-46]|docs\/09|cookbook|providers\/0[13]).*\.mdx$/),
  },
  {
    repository: 'ollama/ollama',
    commit: 'fb30760996871fa9460115c753afd2c60d4ab0f7',
    licence: 'MIT',
    credit: 'Documentation of Ollama',
    most: 1500,
    read: markdown(/^docs\/.*\.mdx?$/),
  },
];

/** Sentences with what they ask for, to learn from and to be asked: CLINC150's 150 intents and BANKING77's 77. */
export const labelled = [
  {
    name: 'CLINC150',
    source: sources[0],
    read(files) {
      const data = JSON.parse(files.text('data/data_full.json'));
      return { examples: data.train, questions: data.test };
    },
  },
  {
    name: 'BANKING77',
    source: sources[1],
    read(files) {
      const of = (split) => csv(files.text(`banking_data/${split}.csv`)).map(({ text, category }) => [text, category]);
      return { examples: of('train'), questions: of('test') };
    },
  },
];
