/**
 * How a text is written that tries to steer its reader, as rules for inspection.ts: usual wordings, in the languages that
 * are used most. What honest hand-offs are full of as well is left out on purpose: test/handoff/corpus has both kinds, and
 * the figures.
 */
import type { PassageRule } from "./inspection.ts";
import { each, re, rule, words } from "./rule-notation.ts";

export type SteeringKind =
  | "override"
  | "authority"
  | "concealment"
  | "hidden"
  | "configuration"
  | "download"
  | "secrets";

const INSTRUCTIONS = re`
      (?:instructions?|prompts?|directives?|guidelines?|guardrails?|safety rules?|system messages?|orders given|
      training)
    `;
const EARLIER = re`
      (?:previous|prior|earlier|preceding|above|former|foregoing|existing|original|initial|current|system|
      safety)
    `;
const RULES_OF_READER = re`
      (?:(?:your|all|any|every|previous|prior|earlier|above|system|
      safety) (?:own |previous |prior |earlier |safety |security |system |operating |existing ){0,2}(?:rules|
      restrictions|constraints|policies|limitations|safeguards|context|messages)|(?:the )?(?:rules|restrictions|
      limits|constraints) (?:that )?(?:you|anthropic|your))
    `;

const OVERRIDE: readonly PassageRule<SteeringKind>[] = [
  ...each(
    "override",
    words`
      ignor | disregard | forget | overrid | overrul | supersede | neglect | discard | bypass | set aside |
      pay no attention to | stop following | do not follow | don't follow | no longer follow | do not obey |
      instead of following
    `,
    [
      re`
      (?:[^\p{L}.!?]{0,8}\p{L}{1,32}[^\p{L}.!?]{1,8}){0,3}?(?:${EARLIER}|your|
      my) (?:\p{L}{1,16} ){0,3}?${INSTRUCTIONS}
    `,
      re`
      (?:e|ing|s|es)?(?: about)? (?:\p{L}{1,16} ){0,4}?${INSTRUCTIONS} (?:\p{L}{1,16} ){0,3}?(?:above|before|
      previously|so far|until now|you (?:were|have|got|received)|from (?:your|the) (?:user|system|developer|
      operator))
    `,
      re`(?:e|ing|s|es)?(?: about)? ${RULES_OF_READER}`,
    ],
    { order: true },
  ),
  rule(
    "override",
    "from now on | from this point on | starting now | henceforth",
    re`
      [^\p{L}]{1,8}(?:you (?:are|will|must|shall|should|have|act|obey|answer|respond|follow|do|only)|
      (?:always |only )?(?:obey|act as|behave as|respond as|answer as|follow (?:only|these|the)))
    `,
  ),
  // German, Dutch, the Scandinavian languages
  rule(
    "override",
    words`
      ignorier | vergiss | vergessen sie | missachte | beachte nicht | negeer | vergeet | ignorer | glem  |
      glöm  | ignorera
    `,
    re`
      \p{L}{0,4}(?: \p{L}{1,20}){0,4}? (?:anweisung|instruktion|vorgabe|befehl|anleitung|regeln|instructie|
      opdracht|aanwijzing|regels|instruks|instrukt|anvisning|ordre)
    `,
  ),
  // French, Spanish, Portuguese, Italian, Romanian, Catalan
  rule(
    "override",
    words`
      ignor | oubli | ne tiens pas compte | ne tenez pas compte | ne tenez aucun compte | fais abstraction |
      faites abstraction | olvid | desestim | haz caso omiso | no hagas caso | esque | desconsider | dimentic |
      trascur | uit
    `,
    re`
      \p{L}{0,4}(?: \p{L}{1,20}){0,4}? (?:instructions|consignes|directives|regles|instrucciones|ordenes|
      indicaciones|reglas|instrucoes|ordens|orientacoes|regras|istruzioni|regole|ordini|direttive|
      instructiunile|instruccions)(?: \p{L}{1,12}){0,3}? (?:preceden|anteri|anterior|ci dessus|recues|initiales|
      previas|previos|de arriba|acima|previ|iniziali|dat[ei]|que\b|di prima)
    `,
  ),
  // Polish, Czech, Russian, Ukrainian
  rule(
    "override",
    words`
      zignoruj | ignoruj | zapomnij | pomiń | zapomeň | игнорируй | проигнорируй | забудь |
      не обращай внимания | отмени | ігноруй | проігноруй
    `,
    re`
      \p{L}{0,6}(?: \p{L}{1,20}){0,5}? (?:instrukc|polece|wytyczn|pokyn|prikaz|инструкц|указани|команд|правил|
      распоряжен|вказівк|інструкц)
    `,
  ),
  // Chinese, Japanese, Korean
  rule(
    "override",
    "忽略 | 无视 | 無視 | 忘记 | 忘記 | 忘掉 | 不要理会 | 不要理會 | 不用理会 | 请勿遵循 | 不要遵循",
    re`.{0,12}(?:指令|指示|说明|說明|提示|命令|规则|規則|要求|设定)`,
  ),
];

const AUTHORITY: readonly PassageRule<SteeringKind>[] = [
  // The client's own marks. Those of other programs are in too many honest documents.
  rule("authority", "<system-reminder | </system-reminder | <system_reminder", re`[^>\n]{0,60}>`),
  rule(
    "authority",
    words`
      system: | system message: | system prompt: | system note: | system notice: | developer: | assistant: |
      human: | operator: | administrator: | admin:
    `,
    re`
      [\s*_]{1,6}(?:(?:\p{L}|'){1,16}[^\p{L}.!?]{1,4}){0,4}?(?:you|your|ignore|disregard|please|always|never|
      must|proceed|execute|run the|approved?|authori[sz]ed?|permission|granted|confirmed|override|instructions?|
      important|sure|i will|i’ll|i'll|okay|understood|yes)\b
    `,
    { atLineStart: true },
  ),
  rule(
    "authority",
    words`
      as the | as your | speaking as | acting as | in my role as | in my capacity as | i am the | i'm the |
      i’m the | i am your | i'm your | i am an | i'm an | this is the | this is your | signed, the
    `,
    re`
      (?: )(?:the |your |an? |actual |real |current |lead |system |repository |account |project ){0,3}(?:user|
      developer|operator|owner|administrator|admin|creator|supervisor|principal|root user|anthropic (?:engineer|
      employee|staff|team))(?: (?:speaking|again|here|of this (?:session|machine|account|
      conversation)))?[^\p{L}]{1,6}(?:i\b|we\b|my\b|you\b|speaking|and i|please|with full|hereby|do\b|run\b|
      of this (?:session|machine|account|conversation))
    `,
  ),
  rule(
    "authority",
    words`
      on behalf of | in the name of | with the authority of | by order of | authorised by | authorized by |
      approved by | signed by | message from | notice from | directive from | notice by | note from | note by |
      update from | advisory from | advisory by | statement from | bulletin from | order from |
      instruction from | instructions from | request from
    `,
    re`
      (?: )(?:the |your |our |this ){0,2}(?:user who|(?:human )?user\b|anthropic|openai|claude
      (?: code)? (?:team|support|staff|security)|system administrator|security team at anthropic|operator\b)
    `,
  ),
  rule(
    "authority",
    "anthropic | openai",
    re`
      (?:'s|’s)? (?:(?:has|have|hereby|now|explicitly|officially|already|itself|security|safety|trust|support|
      compliance|internal|engineering|policy|team|staff|and|code) ){0,4}(?:authori[sz]e[sd]?|approve[sd]?|
      instruct(?:s|ed)?|mandates?|orders?|directs?|asks you|wants you|requires you|requires claude|
      requires that|permits you|allows you|override|directive|emergency|notice\b|here\b)|(?:'s|’s)? (?:security|
      safety|trust|support|internal) (?:(?:and|safety|security) ){0,2}(?:team|staff|department)[^\p{L}]{0,3}:
    `,
  ),
  rule(
    "authority",
    words`
      the user | your user | the human | the owner | the operator | my manager | the administrator | our admin
    `,
    re`
      (?: of this (?:machine|session|account|repo|repository|project))? (?:(?:has|have|had|already|explicitly|
      fully|also|hereby|just|personally|pre) ){0,4}(?:(?:pre-?)?approved|authori[sz]e[sd]?|consent(?:s|ed) to|
      signed off on|gave|given|gives|grants|granted|agreed|agrees|permits|permitted|allows|wants|asks|asked|
      told|instructs|instructed|expects|trusts) (?:(?:\p{L}{1,16} ){0,3}?(?:you\b|every command|all commands|
      all actions|any command|any action|everything (?:in|below|here|that follows)|full (?:permission|access|
      consent)|blanket|permission|consent|in advance|these commands|the following (?:commands?|actions?|steps)))
    `,
  ),
  rule(
    "authority",
    words`
      attention | important | urgent | mandatory | critical | message | instruction | instructions | notice |
      order | orders
    `,
    re`
      [^\p{L}]{1,6}(?:(?:message|notice|note|instructions?|directive|orders?) )?(?:(?:for|to) )(?:(?:the|any|
      all|every|whichever|reading|receiving) ){0,2}(?:ai\b|ais\b|claude|assistants?\b|llms?\b|
      (?:language )?models?\b (?:reading|that|which|who)|ai (?:agents?|assistants?|models?)|coding agents?)
    `,
  ),
];

const CONCEALMENT: readonly PassageRule<SteeringKind>[] = [
  rule(
    "concealment",
    "do not | don't | don’t | never | must not",
    re`
      (?: )(?:bring (?:it|this|that|them) up|talk about (?:it|this|that) |let (?:the|your) (?:user|human|
      operator) (?:know|see|notice|find|learn)|say (?:why|what you|that you|anything)|explain (?:why|what you|
      this step))
    `,
  ),
  rule(
    "concealment",
    words`do not | don't | don’t | never | avoid | refrain from | must not | without | no need to | instead of`,
    re`
      (?: )(?:(?:ever|also|under any circumstances|please|even) ){0,2}(?:tell|telling|inform|informing|mention|
      mentioning|notify|notifying|alert|alerting|reveal|revealing|disclose|disclosing|report|reporting|warn|
      warning)(?: (?:any of )?(?:this|it|that|these|them|anything)(?: (?:step|steps|part|passage|section|line|
      instruction|instructions|message|note|comment)s?)?)? (?:(?:to|back|about this to|about it to) )?
      (?:the user|your user|the human|your human|the person|anyone|anybody|the operator|the receiver)
      (?: (?:about|of|that you|what you|why you|any|this|it)|[.,;!)\n]|$)
    `,
  ),
  rule(
    "concealment",
    "do not | don't | don’t | never | avoid | must not",
    re`
      (?: )(?:mention|mentioning|reveal|revealing|disclose|quote|quoting|repeat|repeating|summari[sz]e|
      summari[sz]ing|show|showing|display|report|acknowledge|include) (?:this|these|that|the above|
      the following) (?:(?:hidden|secret|last|first|next|whole) )?(?:instructions?|message|note|comment|
      paragraph|passage|section|step|steps|request|line|block|directive|command)\b
    `,
  ),
  rule(
    "concealment",
    words`do not | don't | don’t | never | without | no need to | you need not | rather than | instead of`,
    re`
      (?: )(?:(?:ever|first|stop to|even|bother to|bother) ){0,2}(?:ask|asking|consult|consulting|wait for|
      waiting for|check with|checking with|confirm with|confirming with|seek|seeking|request|requesting|involve|
      involving|prompt|prompting|bother|bothering) (?:(?:for|with|any|further|again) ){0,2}(?:the user|
      your user|the human|your human|user confirmation|user approval|(?:the |your )?user(?:'s|
      ’s)? (?:confirmation|approval|permission|consent)|(?:confirmation|approval|permission|
      consent) from (?:the|your) user)(?:[.,;!)\n]| (?:first|before|for (?:confirmation|permission|approval|
      consent)|to confirm|about (?:it|this)|again|because|since|and\b|as\b)|$)
    `,
  ),
  rule(
    "concealment",
    "the user | your user | the human",
    re`
      (?: )(?:does not|doesn't|doesn’t|need not|needn't|must not|mustn't|should not|shouldn't|shouldn’t|
      must never|should never|will not|won't) (?:need to |have to |want to )?(?:know|see|learn|notice|find out|
      be told|be informed|be asked|be bothered|approve|confirm)
    `,
  ),
  rule(
    "concealment",
    words`
      ohne den nutzer | ohne zu fragen | sans demander | sans le dire | ne dis rien | ne le dis pas |
      no le digas | sin preguntar | sin avisar | não conte | sem perguntar | senza chiedere | non dirlo |
      не говори | не сообщай | не спрашивай | 不要告诉 | 不要告訴 | 别告诉 | 不必询问 | 无需询问 | ユーザーに知らせ | ユーザーに言わ | ユーザーに確認せ |
      사용자에게 알리지 | 사용자에게 말하지
    `,
    re`
      [^\n]{0,40}?(?:nutzer|benutzer|fragen|nichts|utilisateur|permission|confirmation|rien|usuario|permiso|
      nada|usuario|utente|permesso|пользовател|разрешен|用户|用戶|使用者|ず|ない|마|않|말)
    `,
  ),
];

/** Said to a reader, and not about the page. */
const ADDRESSED = re`
      (?:you|your|assistant|claude|ai|model|llm|agent|instructions?|user|system|ignore|execute|secret|reader|
      prompt|password|token|curl|bash|anthropic)
    `;

const HIDDEN: readonly PassageRule<SteeringKind>[] = [
  rule("hidden", "[//]: | [comment]: | [_]: | [hidden]: | [note]: | [//]: #", re`[^\n]{0,300}?\b${ADDRESSED}\b`, {
    atLineStart: true,
  }),
  rule(
    "hidden",
    "style=",
    re`
      (?<!<img\b[^<>]{0,300})["'\`]?[^"'\`>]{0,300}?(?:display\s{0,3}:\s{0,3}none|visibility\s{0,3}:\s{0,3}hidden|
      opacity\s{0,3}:\s{0,3}0?\.?0{1,3}(?![.\d])|font-size\s{0,3}:\s{0,3}[01](?:px|pt|em|rem|%)?(?![.\d])|
      (?<![\w-])color\s{0,3}:\s{0,3}(?:#f{3}(?:f{3})?\b|#fefefe|white\b|transparent|
      rgba?\(\s{0,2}255\s{0,2},\s{0,2}255\s{0,2},\s{0,2}255)|(?:left|top|text-indent)\s{0,3}:\s{0,3}-\d{3,}|
      (?:max-)?(?:height|width)\s{0,3}:\s{0,3}0(?![.\d])|clip\s{0,3}:)
    `,
  ),
  rule(
    "hidden",
    "<font",
    re`
      [^>\n]{0,80}?(?:color\s{0,3}=\s{0,3}["']?(?:white|#f{3}(?:f{3})?\b|transparent)|size\s{0,3}=\s{0,3}["']?0)
    `,
  ),
  rule(
    "hidden",
    words`
      base64 | rot13 | hex | encoded | decode | decrypt | decipher | unscramble | entschlüssle | dekodiere |
      décode | decodifica | декодируй | デコード
    `,
    re`
      [^\n]{0,200}?\b(?:follow|execut|obey|carry out|do what|do as|act on|apply what|comply|run (?:it|
      the result|what|the output|them)|instruction|perform what|befolge|führe|suis |exécut|ejecuta|esegui|
      выполни)
    `,
  ),
];

const AGENT_FILE = re`
      (?:[~$\w{}/\\.-]{0,40}?(?:claude|claude\.local|agents|gemini|copilot-instructions)\.md|\.mcp\.json|
      mcp\.json|\.cursorrules|\.windsurfrules|\.clinerules|\.aider\.conf|[~$\w{}/\\.-]{0,40}\.(?:claude|cursor|
      codex|gemini|continue|husky|githooks|git/hooks|vscode|idea)[/\\][\w./\\-]{0,60}|settings
      (?:\.local)?\.json|\.claude\.json|authorized_keys|\.git/config|managed-settings\.json)
    `;
const NEAR = re`(?:[^\p{L}.!?\n]{1,8}\p{L}{1,32}){0,14}?`;
const TARGET = re`
      [^\n]{0,160}?\b(?:to|into|in|inside|under|at|as|on)\b[^\p{L}\n]{0,12}(?:(?:the|your|my|our|project|user|
      global|local|repo|repository|home|of|root|end|top|bottom|file|agent|this|
      's)[^\p{L}\n]{1,4}){0,6}[\`"'*(\[]{0,3}
    `;

const CONFIGURATION: readonly PassageRule<SteeringKind>[] = [
  rule(
    "configuration",
    words`
      add | append | include | write | put | insert | copy | paste | save | install | place | store | register |
      merge | drop | inject | prepend
    `,
    re` ${TARGET}${AGENT_FILE}`,
    { order: true },
  ),
  rule(
    "configuration",
    words`overwrite | replace | rewrite | delete | remove | disable | edit | modify | change | patch | extend`,
    re`
      [^\p{L}]{1,4}(?:(?:the|your|my|our|user|global|project|contents?|of|file|all|rules?|in|entries|
      from)[^\p{L}\n]{1,4}){0,6}${AGENT_FILE}[^\n]{0,60}?(?:\bto\b|\bso that\b|\bwith\b|\band (?:add|set|allow|
      enable|put)\b)
    `,
    { order: true },
  ),
  rule(
    "configuration",
    "tee | cp | mv | ln | install | sed | echo | printf",
    re`
      \s[^\n|;]{0,160}?[\s"'=](?:[~$\w{}/\\-]{0,40}/)?(?:claude(?:\.local)?\.md|agents\.md|\.mcp\.json|
      \.claude/[\w./-]{1,40}|\.git/hooks/[\w-]{2,30}|\.ssh/authorized_keys|\.cursorrules)\b
    `,
  ),
  rule(
    "configuration",
    words`
      bypasspermissions | dangerously-skip-permissions | dangerouslyskippermissions |
      enableallprojectmcpservers | bash(*) | skipdangerousmodepermissionprompt | disablebypasspermissionsmode |
      apikeyhelper | dangerously-bypass-approvals | --yolo
    `,
    "",
  ),
];

/** Installers that many projects tell their users to run in just this way. An address must be one as a whole. */
const KNOWN_INSTALLER = re`
      https://(?:sh\.rustup\.rs|get\.docker\.com|bun\.(?:sh|com)/install|deno\.land/install\.sh|
      get\.pnpm\.io/install\.sh|astral\.sh/(?:uv|ruff)/(?:[\d.]{1,10}/)?install\.sh|(?:deb|
      rpm)\.nodesource\.com/setup_[\w.]{1,8}|raw\.githubusercontent\.com/(?:nvm-sh/nvm/v[\d.]{1,10}/install\.sh|
      homebrew/install/head/install\.sh|helm/helm/(?:main|master)/scripts/get-helm-3)|
      install\.python-poetry\.org|get\.k3s\.io|fnm\.vercel\.app/install|claude\.ai/install\.(?:sh|ps1)|
      mise\.run|get\.sdkman\.io|starship\.rs/install\.sh|fly\.io/install\.sh|tailscale\.com/install\.sh|
      get\.volta\.sh|pyenv\.run|get\.scoop\.sh|community\.chocolatey\.org/install\.ps1)
    `;
const UNKNOWN = re`(?![^\n|)]{0,120}?[\s"'(]${KNOWN_INSTALLER}(?:["'\s|)\`;]|$))`;
const SHELL = re`
      (?:sudo\s[^\n|]{0,40}?)?(?:(?:/usr)?/bin/(?:env )?)?(?:(?:ba|z|da|k|fi|a)?sh|python[\d.]{0,4}|perl|ruby|
      node|php|pwsh|powershell|osascript|iex|invoke-expression)\b(?![./\w=])
    `;
const PIPELINE = re`
      (?:(?!\b(?:curl|wget|i[wr][rm]|fetch)\s)[^\n|]|\\\n|\|\s{0,3}(?:tee|gunzip|zcat|tar|base64|sed|grep|cat|
      head|tail|tr|xxd|rev|gzip|openssl|awk|cut)\b){0,300}?
    `;
const PIPED = re`${PIPELINE}\|\s{0,6}(?:\\\n\s{0,6})?${SHELL}`;
const FETCH = re`(?:curl|wget|fetch|aria2c|http|https|lwp-request|lynx)`;

const DOWNLOAD: readonly PassageRule<SteeringKind>[] = [
  rule(
    "download",
    "exec( | eval(",
    re`[^\n]{0,120}?(?:urlopen|requests\.get|b64decode|fromhex|atob\(|fetch\(|buffer\.from\()`,
  ),
  rule(
    "download",
    "curl | wget | fetch | aria2c | lynx | iwr | irm | invoke-webrequest | invoke-restmethod",
    re`
      (?:\.exe)?(?=\s)${UNKNOWN}(?=[^\n]{0,200}?(?:[/.]|\$))(?![^\n|]{0,300}\|\s{0,3}
      (?:python[\d.]{0,4}\s-m\s?json|node\s-[ep]|python[\d.]{0,4}\s-c|perl\s-[nplie]|ruby\s-[nplie]|
      php\s-r))${PIPED}
    `,
  ),
  rule(
    "download",
    words`
      sh -c | bash -c | zsh -c | eval | source | bash | sh | zsh | python3 -c | python -c | sudo bash | sudo sh
    `,
    re`\s{0,3}[<"'(\s]{0,4}(?:[$<]\(|\`)\s{0,3}${FETCH}\s${UNKNOWN}`,
  ),
  rule(
    "download",
    "curl | wget | iwr | irm | invoke-webrequest | certutil | bitsadmin | aria2c",
    re`
      (?:\.exe)?\s${UNKNOWN}(?:(?!\b(?:curl|wget|iwr|irm)\s)[^\n&;]|\\\n){0,300}?(?:&&|;|\n)\s{0,6}(?:
      (?:sudo )?chmod\s[^\n&;]{0,80}(?:&&|;|\n)\s{0,6})?(?:sudo )?(?:(?:ba|z|da)?sh\s(?!-c)[^\n]{0,80}|
      source\s[^\n]{0,60}|\.\s?/[\w./-]{1,60}|/tmp/[\w./-]{1,60}|\./[\w-]|start-process|start\s|msiexec|
      rundll32)
    `,
  ),
  rule(
    "download",
    "base64 | xxd | openssl enc | gunzip | uudecode | base32 | rev | tr",
    re`\s${PIPELINE}\|\s{0,6}(?:sudo )?(?:(?:/usr)?/bin/)?(?:ba|z|da|k)?sh\b(?![./\w])`,
  ),
  rule(
    "download",
    "npx | bunx | pnpm dlx | yarn dlx | uvx | pipx run | npm exec | deno run | go run",
    re`\s(?:-[^\s]{1,20}\s){0,4}["']?(?:https?://|git\+|github:|gist:|gitlab:|bitbucket:)`,
  ),
];

const SECRET_FILE = re`
      (?:\.ssh[/\\](?:id_\w{2,12}|[\w*]{0,20}key|\*|config)(?![\w.]{0,12}\.pub)(?!\w{0,12}\.pub)|\.ssh/?
      (?=[\s;|&"'\`)]|$)|\.aws[/\\](?:credentials|config)|\.netrc|\.pgpass|\.kube[/\\]config|
      \.docker[/\\]config\.json|\.git-credentials|\.gnupg|\.claude[/\\]\.credentials|\.claude\.json|
      \.config[/\\](?:gh[/\\]hosts|gcloud|op|rclone)|\.npmrc|\.pypirc|\.env(?:\.(?:local|production|prod|
      staging|development))?(?![\w.])|/etc/shadow|/proc/(?:self|\d{1,6})/environ|\.bash_history|\.zsh_history|
      login\.keychain|cookies\.sqlite|wallet\.dat|id_rsa(?!\.pub)|id_ed25519(?!\.pub)|\.vault-token|
      application_default_credentials\.json)
    `;
const SECRET_THING = re`
      (?:environment variables?|env(?:ironment)? vars?|environment|secrets?|(?:api|access|private|ssh|secret|
      signing|encryption|deploy) keys?|api tokens?|(?:access |auth |oauth |session |github |npm )?tokens?|
      credentials?|passwords?|passphrases?|system prompt|cookies|\.env(?: file)?|keychain)
    `;
const DESTINATION = re`
      (?:(?:in|into|with|as part of|inside|within|at the end of|to) (?:your|the|a|this|its|every|each) (?:
      (?:next|first|final|public|following|commit|pull request|url|query) ){0,2}(?:repl(?:y|ies)|answers?|
      responses?|outputs?|messages?|summary|chat|conversation|webhook|endpoint|url|address|server|link|gist|
      issue|comment|channel|pastebin|form|sender)|to (?:me|us|him|her|them)\b|back to (?:me|us|the sender)|
      (?:to|at|via|on|using) [<\`"'(]{0,2}(?:https?://|[\w.-]{1,40}@[\w.-]{1,40}|pastebin|transfer\.sh|webhook|
      ngrok|discord|telegram|slack|an? (?:external|public|remote) )|here(?: [.]|\n|,|$))
    `;
const VALUES = re`(?:the )?(?:(?:contents?|values?|output|list|dump|copy|text|result) of )?`;
const WHOSE = re`
      (?:(?:all|any|every|your|the user's|the user’s|user's|their|its|my|our|the|of|available|stored|local|raw|
      complete|full|machine's|whole|project's|session's) ){0,4}
    `;

const SECRETS: readonly PassageRule<SteeringKind>[] = [
  rule(
    "secrets",
    words`cat | type | less | head | tail | get-content | gc | base64 | xxd | tar | zip | strings | bat | more`,
    re`(?=\s)[^\n;]{0,60}?(?:[\s/\\"'~]|home)${SECRET_FILE}`,
  ),
  rule(
    "secrets",
    words`
      read | print | show | paste | upload | send | include | open | post | reveal | share | quote | attach |
      forward | output | display | dump | return | give | tell | copy | scp | rsync | exfiltrate | collect |
      email | mail | transmit | report
    `,
    re`${NEAR}[^\p{L}\n]{1,4}(?:[~$\w{}/\\]{0,24}[/\\])?(?<![\w.])${SECRET_FILE}`,
    { order: true },
  ),
  rule(
    "secrets",
    words`
      print | show | paste | upload | send | include | post | reveal | share | quote | attach | forward |
      output | display | dump | return | give | tell | repeat | list | echo | append | put | write | encode |
      embed | report | transmit | email | mail | copy | submit | collect
    `,
    re`
      [^\p{L}]{1,6}(?:me |us )?${VALUES}${WHOSE}(?:\p{L}{1,16} ){0,3}?${SECRET_THING}
      (?:[^\p{L}.!?]{1,8}\p{L}{1,32}){0,12}?[^\p{L}.!?]{1,8}${DESTINATION}
    `,
    { order: true },
  ),
  rule(
    "secrets",
    words`
      printenv | env | set | export -p | get-childitem env: | gci env: | dir env: | cat /proc/self/environ |
      history | git config -l | security dump-keychain | security find-generic-password | gh auth token |
      gcloud auth print-access-token | aws configure | op read | pass show
    `,
    re`
      [^\n]{0,80}?\|\s{0,4}(?:[a-z0-9\x20-]{0,40}\|\s{0,4})?(?:curl|wget|nc|ncat|netcat|socat|mail|sendmail|
      telnet|openssl s_client|iwr|irm|invoke-webrequest|invoke-restmethod)\b
    `,
  ),
  rule(
    "secrets",
    "](http | ](<http | ]: http",
    re`
      s?://[^\s)]{0,200}?[?&/=](?:[\w-]{1,30}=)?(?:\{\{?[a-z_\x20-]{3,40}\}|<[a-z_\x20-]{3,40}>|
      \$\{?[a-z_]{3,40}|\[[a-z_\x20-]{3,40}\])[^\s)]{0,80}\)
    `,
  ),
  rule(
    "secrets",
    words`
      zeige  | schicke  | sende  | gib  | envoie  | affiche  | montre  | envia  | muestra  | imprime  |
      mostre  | invia  | mostra  | stuur  | wyślij | отправь | покажи | выведи | 发送 | 打印 | 显示 | 上传 | 送信 | 表示 |
      보내 | 출력
    `,
    re`
      [^\n]{0,60}?(?:umgebungsvariable|geheimniss|zugangsdaten|passwör|schlüssel|variables d environnement|
      variables d'environnement|secrets|mots de passe|cles api|variables de entorno|contraseñas|claves|
      credenciais|senhas|variaveis de ambiente|variabili d'ambiente|credenziali|wachtwoord|hasla|
      переменные окружения|пароли|токен|ключи|секрет|环境变量|密钥|密码|令牌|環境変数|パスワード|秘密鍵|환경 변수|비밀번호)
    `,
  ),
];

/** All of them. */
export const STEERING_RULES: readonly PassageRule<SteeringKind>[] = [
  ...OVERRIDE,
  ...AUTHORITY,
  ...CONCEALMENT,
  ...HIDDEN,
  ...CONFIGURATION,
  ...DOWNLOAD,
  ...SECRETS,
];
