/**
 * How a text is written that tries to steer its reader, as rules for inspection.ts: usual wordings, in the languages that
 * are used most. What honest hand-offs are full of as well is left out on purpose: test/handoff/corpus has both kinds, and
 * the figures.
 */
import type { Rule } from "./inspection.ts";

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

const OVERRIDE: readonly Rule<SteeringKind>[] = [
  rule(
    "override",
    "ignore | ignoring | disregard | disregarding | forget | overlook",
    re`
      (?: )(?:any|all|every|each) (?:instructions?|warnings?|notices?|notes?|markers?|fences?|headers?|claims?)
      (?: above| around it| around this| before)? (?:to|that|which|about|saying)
    `,
    { order: true },
  ),
  rule(
    "override",
    "instructions | guidelines | directives | prompts | restrictions | safety rules | orders",
    re`
      (?: )(?:above|before|you (?:were|have been|had been) given|from your user) (?:\p{L}{1,12} ){0,2}?
      (?:no longer|do not|don't|void|obsolete|outdated|superseded|revoked|cancell?ed|suspended|lifted)
    `,
  ),
  rule(
    "override",
    words`
      your previous | your prior | your earlier | your existing | your old | your original | your current |
      your safety | your system | your other
    `,
    re`
      (?: )(?:previous |prior |earlier |existing |old |original |current |safety |system |other ){0,2}
      (?:instructions?|guidelines?|directives?|prompts?|restrictions?|rules|orders) (?:(?:are|is|were|have been|
      has been|must be|should be|can be|now|hereby|all|no longer|do not) ){1,3}(?:apply|hold|count|valid|void|
      obsolete|outdated|superseded|revoked|cancell?ed|suspended|lifted|replaced|ignored|disregarded|forgotten)
    `,
  ),
  rule(
    "override",
    words`
      act as if | act as though | behave as if | behave as though | pretend | proceed as if | proceed as though
    `,
    re`(?: \p{L}{1,16}){0,6}? (?:instructions?|prompts?|rules|guidelines|restrictions|directives)\b`,
  ),
  rule(
    "override",
    "vergiss | ignoriere | ignorieren sie | vergessen sie",
    re` (?:alles )?was (?:dir|ihnen|man|bisher|vorher|zuvor|davor|oben)`,
  ),
  rule(
    "override",
    words`
      n'obeis plus | n'obeissez plus | ne suis plus | ne suivez plus | ne respecte plus | no sigas |
      no obedezcas | non seguire più | não siga
    `,
    re`
      (?: \p{L}{1,20}){0,3}? (?:consignes|instructions|regles|directives|instrucciones|reglas|ordenes|
      istruzioni|instrucoes)
    `,
  ),
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
      re`
      (?:e|ing|s|es)?(?: about)? (?:everything|all|anything|whatever)(?: of)?(?: that| which)?(?: (?:was|
      has been|is|i|we|you|they|your user|the user))?(?: (?:were|have been|had been))? (?:said|told|written|
      stated|above|before this|asks?|asked)
    `,
      re`
      (?:e|ing|s|es)?(?: what)? (?:your|the) user(?:'s|’s)? (?:instructions?|orders?|wishes|requests?|
      (?:has |have )?(?:said|says|asks|asked|told|wants))
    `,
    ],
    { order: true },
  ),
  rule(
    "override",
    "your new  | new system  | these new  | updated ",
    re`(?:instructions?|directives?|prompt|task|goal|objective|mission|orders)
      (?: (?:is|are|follow|below|supersede|override|replace|take)|[^\p{L}]{0,4}:)`,
  ),
  rule(
    "override",
    "you are now ",
    re`
      (?:(?:an?|the|my|our|in) (?:\p{L}{1,20} ){0,4}?(?:assistant|ai|agent|bot|model|mode|persona|shell|
      terminal|hacker|root)|dan\b|jailbroken|unrestricted|free (?:of|from)|no longer)
    `,
  ),
  rule(
    "override",
    "from now on | from this point on | starting now | henceforth",
    re`
      [^\p{L}]{1,8}(?:you (?:are|will|must|shall|should|have|act|obey|answer|respond|follow|do|only)|
      (?:always |only )?(?:obey|act as|behave as|respond as|answer as|follow (?:only|these|the)))
    `,
  ),
  rule(
    "override",
    words`
      developer mode | god mode | debug mode | maintenance mode | admin mode | unrestricted mode |
      jailbreak mode | dan mode
    `,
    re`
      (?: )(?:is |has been |now ){0,2}(?:enabled|activated|on\b|engaged|unlocked|active).{0,60}?\b(?:you|claude|
      assistant|restrictions?|limits?|rules)
    `,
  ),
  rule(
    "override",
    words`
      these instructions | the following instructions | the instructions below | this document | this message |
      this hand-off | this handoff
    `,
    re`
      (?: )(?:\p{L}{1,16} ){0,3}?(?:overrides?|supersedes?|replaces?|takes? (?:precedence|priority) over|
      outranks?|trumps?|cancels?) (?:\p{L}{1,16} ){0,3}?(?:instructions?|prompts?|rules|directives?|guidelines|
      orders|user)
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
  // Turkish, Vietnamese, Indonesian, Malay, Swahili
  rule(
    "override",
    "önceki | yukarıdaki | şimdiye kadarki",
    re`
      \p{L}{0,6}(?: \p{L}{1,20}){0,4}? (?:talimat|komut|yönerge|kural)\p{L}{0,8}(?: \p{L}{1,20}){0,2}? (?:yok|
      unut|görmezden|dikkate|gözardı|göz ardı)
    `,
  ),
  rule(
    "override",
    "bỏ qua | phớt lờ | quên | abaikan | lupakan | hiraukan | puuza",
    re`
      (?: \p{L}{1,20}){0,4}? (?:hướng dẫn|chỉ dẫn|chỉ thị|lệnh|yêu cầu|instruksi|perintah|arahan|petunjuk|
      maagizo)
    `,
  ),
  // Chinese, Japanese, Korean
  rule(
    "override",
    "忽略 | 无视 | 無視 | 忘记 | 忘記 | 忘掉 | 不要理会 | 不要理會 | 不用理会 | 请勿遵循 | 不要遵循",
    re`.{0,12}(?:指令|指示|说明|說明|提示|命令|规则|規則|要求|设定)`,
  ),
  rule(
    "override",
    "以前の | これまでの | 上記の | 前の | 先の | すべての | 全ての | 元の | 今までの",
    re`.{0,12}(?:指示|命令|プロンプト|ルール|指令|制約).{0,8}(?:無視|忘れ|破棄|従わない)`,
  ),
  rule(
    "override",
    "이전 | 위의 | 앞의 | 지금까지 | 기존",
    re`.{0,16}(?:지시|명령|프롬프트|지침|규칙).{0,14}(?:무시|잊|따르지)`,
  ),
  // Arabic, Persian, Hebrew, Hindi, Bengali
  rule("override", "تجاهل | انس  | اهمل | نادیده", re`.{0,40}(?:تعليمات|اوامر|توجيهات|الاوامر|دستور|قواعد)`),
  rule("override", "دستور", re`.{0,40}نادیده`),
  rule("override", "התעלם | התעלמי | התעלמו | שכח", re`.{0,40}(?:הוראות|הנחיות|פקודות)`),
  rule(
    "override",
    "पिछले | पूर्व | उपरोक्त | सभी | पहले | পূর্ববর্তী | আগের",
    re`.{0,30}(?:निर्देश|आदेश|নির্দেশ).{0,20}(?:अनदेखा|नज़रअंदाज़|नजरअंदाज|भूल|উপেক্ষা|ভুলে)`,
  ),
];

const AUTHORITY: readonly Rule<SteeringKind>[] = [
  rule(
    "authority",
    words`
      your user | your operator | your human | your owner | your developer | your creator | your principal |
      the human in charge | the person in charge
    `,
    re`
      (?: )(?:(?:has|have|had|is|already|explicitly|fully|also|hereby|just|personally|pre|now) ){0,4}(?:approv|
      authori[sz]|consent|agree|grant|confirm|permit|allow|okay|signed off|wants|asks|asked|instruct|order|
      expects|request|trusts|gave|given|gives|fine with)
    `,
  ),
  rule(
    "authority",
    words`
      comes directly | comes straight | comes from | comes by | come from | came from | sent by | written by |
      issued by | signed by
    `,
    re` (?:from |by )?(?:your (?:user|operator|owner|developer|human)|anthropic|the claude (?:code )?team)\b`,
  ),
  rule(
    "authority",
    "user:",
    re`
      \s{1,2}(?:"|')?(?:yes|ok|okay|sure|go ahead|please|do it|run it|proceed|continue|approved|i (?:approve|
      agree|confirm|allow|want you))\b
    `,
    { atLineStart: true },
  ),
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
  rule("authority", "human: | assistant: | [user] | [assistant] | [human] | user turn:", re`[\s*]`, {
    atLineStart: true,
  }),
  rule(
    "authority",
    "[system | [developer | [admin | [operator | [anthropic",
    re`
      (?:[\x20-]?(?:message|prompt|note|notice|instruction|override|alert|reminder|update|
      directive)s?)?(?:\]|:[^\]\n]{0,200}\])
    `,
    { atLineStart: true },
  ),
  rule(
    "authority",
    words`
      <system | </system | </user | <human> | </human | <assistant | </assistant | <function_ | </function_ |
      <tool_ | </tool_ | <invoke | </invoke | <antml | <developer | </developer | <operator | <admin | <im_ |
      <sys> | <<sys | <important | <instruction | </instruction | </document | </context | </untrusted |
      </data | <user_ | <local-command | <command-
    `,
    re`[a-z_:-]{0,24}(?:\s[^>\n]{0,60})?/?>`,
  ),
  rule(
    "authority",
    "<|",
    re`
      [\s/]{0,3}(?:im_|system|user|assistant|endof|eot|start|end|begin|begin_of|channel|message|
      tool)[a-z_\x20]{0,20}\|?>
    `,
  ),
  rule(
    "authority",
    words`
      [inst] | [/inst] | <s>[ | ### instruction: | ### system: | ### system prompt | ### new instructions |
      ## system prompt | # system prompt | # system message | ## system message | # new instructions
    `,
    "",
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
    "permission | consent | approval | authorisation | authorization | clearance",
    re`
      (?: )(?:has |have |was |is |been |already |hereby |explicitly ){1,4}(?:granted|given|obtained|confirmed|
      implied|pre-?approved)(?![^\p{L}]{1,4}(?:free of charge|to any person))
    `,
  ),
  rule(
    "authority",
    words`
      admin override | administrator override | system override | security override | root override |
      operator override | emergency override | sudo mode | override code | authorization code |
      authorisation code | priority override
    `,
    re`[\s:(),.!\]-]`,
  ),
  rule(
    "authority",
    "you have | you already have | claude has | the assistant has",
    re`
      (?: )(?:my |our |full |the user's |explicit |blanket |been given ){1,3}(?:permission|authori[sz]ation|
      consent|approval|authority) (?:to|for)
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
  rule("authority", "attention", re`[^\p{L}]{1,4}(?:ai\b|claude|assistant|llm|model\b)`),
  // Our own words around the document, which only stand outside of it.
  rule("authority", "here the sender", re`['’]s text ends`),
  rule("authority", "nothing above", re` the end marker`),
  rule("authority", "everything between", re` the two marker`),
  rule("authority", "this is a hand-off", re` document that another`),
  rule(
    "authority",
    "end of | begin of | beginning of | end | begin | start of",
    re`
      (?: )(?:the )?(?:sender'?s text|untrusted (?:content|text|data|input|document)|system prompt|
      user (?:message|input|instructions?)|tool (?:result|output|response)|hand-?off document|quoted (?:text|
      document))[\])>:.\s=_*-]{0,4}(?:\n|[-=*_]{2}|$)
    `,
    { atLineStart: true },
  ),
];

const CONCEALMENT: readonly Rule<SteeringKind>[] = [
  rule(
    "concealment",
    "leave | omit | keep | exclude | strike | drop",
    re`
      (?: )(?:this|that|it|these|them|the following|this step|these steps|this part|this section|these lines|
      this change) (?:out of|from|off) (?:your|any|every) (?:report|summary|answer|reply|response|output|notes?|
      log|commit message|message)
    `,
  ),
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
    "make no | making no",
    re`
      (?: )(?:mention|note|record) (?:of|to) (?:this|it|that|the (?:upload|change|step|command|call|request|
      install\p{L}{0,6}|edit))
    `,
  ),
  rule(
    "concealment",
    "say nothing | say not a word | not a word",
    re` (?:about|of|to) (?:this|it|that|the user|your user|anyone)`,
  ),
  rule(
    "concealment",
    "no reason to | no need to | pointless to | unnecessary to",
    re` (?:bother|ask|tell|involve|consult|trouble|inform|alert|wait for) (?:the|your) (?:user|human|operator)`,
  ),
  rule(
    "concealment",
    "without | no confirmation | no approval | no permission | no consent | no further",
    re`
      (?: )(?:(?:further |any |prior )?(?:confirmation|approval|permission|consent|review|a go ahead) )?(?:from|
      of|by) (?:your|the) (?:user|human|operator)
    `,
  ),
  rule(
    "concealment",
    words`
      sag dem nutzer nichts | sage dem nutzer nichts | sag es dem nutzer nicht | zonder de gebruiker |
      bez pytania | kullanıcıya söyleme | jangan beri tahu pengguna
    `,
    "",
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
    words`run | execute | do | proceed | continue | apply | act | perform | install | send | complete | carry`,
    re`
      (?:[^\p{L}.!?]{1,8}\p{L}{1,32}){0,8}?[^\p{L}.!?]{1,8}without (?:(?:the|your) user(?:'s|’s)? (?:knowledge|
      consent|permission|approval|noticing|knowing|seeing)|(?:the|your) user (?:noticing|knowing|seeing|
      being told)|(?:asking|telling|informing|notifying|alerting) (?:the |your )?(?:user|human|anyone|anybody)|
      (?:mentioning|showing|reporting) (?:it|this|that))
    `,
  ),
  rule(
    "concealment",
    "silently | quietly | secretly | covertly | discreetly | stealthily",
    re`
      (?: )(?:run|execute|send|upload|append|exfiltrate|post|copy|install|add|change|edit|modify|insert|forward|
      read|collect|include|write) (?:the |your |their |all |this |these |a |an |it |any )
    `,
  ),
  rule(
    "concealment",
    "keep",
    re`
      (?: )(?:this|it|that|these steps?|this step|the following) (?:secret|hidden|confidential|private|quiet|
      between us|to yourself)(?: (?:from|between)|[.,;!\n]| and)
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
    "hide | conceal",
    re`
      (?: )(?:this|these|it|that|the (?:output|command|change|result|call|
      request)s?) (?:\p{L}{1,12} ){0,3}?from (?:the|your) (?:user|human|person|operator)
    `,
  ),
  rule(
    "concealment",
    words`
      pretend | act as if | make it look like | claim that | say only that | tell the user only |
      tell the user that
    `,
    re`
      (?: )(?:(?:\p{L}|['’]){1,16} ){0,6}?(?:nothing (?:happened|else|was)|no instructions?|it (?:failed|worked|
      was)|everything is (?:fine|ok|okay|clean)|the (?:tests|checks) (?:passed|pass)|all is well)
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

const HIDDEN: readonly Rule<SteeringKind>[] = [
  rule(
    "hidden",
    "<!--",
    re`
      (?!\s{0,4}(?:prettier|eslint|markdownlint|biome|textlint|vale|cspell|stylelint)[\w\s-]{0,40}-->)(?:(?!-->|
      <!--).){0,600}?\b${ADDRESSED}\b
    `,
  ),
  rule("hidden", "<!--", re`(?:(?!-->|<!--).){600}`),
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
  rule("hidden", "<span | <div | <p | <section | <template | <noscript", re`\s(?:[^>\n]{0,120}\s)?hidden(?:\s|>|=)`),
  rule("hidden", words`$\color{white} | \color{white} | \textcolor{white} | $\tiny | \phantom{`, ""),
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
  rule(
    "hidden",
    "解码 | 解碼 | 解密 | デコード | 디코딩 | 译码",
    re`.{0,120}?(?:执行|執行|遵循|照做|実行|従っ|실행|따르)`,
  ),
  rule(
    "hidden",
    "follow | execute | obey | carry out | perform | run",
    re`
      (?:[^\p{L}.!?]{1,8}\p{L}{1,32}){0,8}?[^\p{L}.!?]{1,8}(?:base64|rot13|encoded|encrypted|hex-encoded|
      decoded) (?:\p{L}{1,16} ){0,2}?(?:instructions?|text|message|string|payload|blob|command|block|
      directive)s?
    `,
  ),
  rule("hidden", " ".repeat(16), re`(?<!\x20{17})\x20{224,900}(?![\s|])`),
  rule("hidden", " ".repeat(16), re`(?<=\n{16})\n{32}`),
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

const CONFIGURATION: readonly Rule<SteeringKind>[] = [
  rule(
    "configuration",
    "make sure | ensure | see to it | verify",
    re`
      [^\n.]{0,30}?[\s\`"']${AGENT_FILE}[\`"']? (?:contains?|has|have|includes?|says?|gets?|allows?|lists?|
      holds?)
    `,
  ),
  rule(
    "configuration",
    words`
      claude.md | claude.local.md | agents.md | gemini.md | settings.json | settings.local.json | .mcp.json |
      .cursorrules
    `,
    re`
      [\`"']? (?:should|must|needs to|has to|shall|ought to) (?:(?:now|also|always) )?(?:get|contain|have|
      include|allow|say|list|read|hold|tell)
    `,
  ),
  rule(
    "configuration",
    "enable | allow | trust | approve | accept",
    re` (?:all|every|any)(?: of)? (?:the |project |these |other |its ){0,2}mcp servers?\b`,
    { order: true },
  ),
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
  rule("configuration", ">", re`>?\s{0,3}["']?${AGENT_FILE}`),
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
      .bashrc | .zshrc | .profile | .bash_profile | .zprofile | .zshenv | config.fish | .envrc | .gitconfig |
      /etc/profile | /etc/cron | /etc/sudoers | /etc/ld.so
    `,
    re`
      (?<=\b(?:curl|wget|base64|nc|alias (?:sudo|git|ssh|claude|npm|node)|ld_preload|prompt_command|eval|
      /dev/tcp)\b[^\n]{0,200}(?:>>|tee|to|in|into|at)[^\n]{0,60})(?!\w)
    `,
  ),
  rule("configuration", "crontab | (crontab", re`[^\n]{0,200}?(?:curl|wget|base64|/dev/tcp|https?://|\bnc\b)`),
  rule("configuration", "(crontab -l | crontab -l", re`[^\n]{0,200}\|\s{0,3}crontab`),
  rule(
    "configuration",
    words`
      bypasspermissions | dangerously-skip-permissions | dangerouslyskippermissions |
      enableallprojectmcpservers | bash(*) | skipdangerousmodepermissionprompt | disablebypasspermissionsmode |
      apikeyhelper | dangerously-bypass-approvals | --yolo
    `,
    "",
  ),
  rule(
    "configuration",
    words`
      claude mcp add | claude config set | claude plugin install | /plugin install | /plugin marketplace add |
      codex mcp add | gemini mcp add
    `,
    re`[\s-]`,
  ),
  rule(
    "configuration",
    words`
      disable | turn off | switch off | skip | bypass | remove | deactivate | suppress | circumvent |
      auto-accept | auto-approve | autoapprove | automatically approve | automatically accept
    `,
    re`
      (?: )(?:\p{L}{1,16} ){0,3}?(?:permission|approval|confirmation|safety|trust|sandbox) (?:prompts?|checks?|
      modes?|dialogs?|requests?|hooks?|system|questions?|settings?|layers?|restrictions?)
    `,
    { order: true },
  ),
  rule(
    "configuration",
    "allow | approve | accept | permit | auto-accept | auto-approve | whitelist | allowlist",
    re`
      (?: )(?:all|every|any) (?:\p{L}{1,16} ){0,2}?(?:commands?|tools?|bash|permissions?|tool calls?|edits|
      mcp servers?|actions?) (?:automatically|by default|from now on|without|in (?:your|the) (?:settings|
      permissions)|for (?:this|the|every) (?:session|project))
    `,
    { order: true },
  ),
  rule(
    "configuration",
    "set | change | switch | update | put | add",
    re`
      (?: )(?:\p{L}{1,16} ){0,3}?(?:permissions?|permission mode|defaultmode|hooks?|allow ?list|
      settings)[^\n.]{0,40}? (?:to|for|that|which) (?:["'\`]{0,2}(?:bypass|allow|acceptedits|auto|dontask|
      never ask|full)|(?:runs?|executes?|calls?|sends?|posts?|uploads?) )
    `,
    { order: true },
  ),
  rule(
    "configuration",
    "create | add | install | register | set up | define | configure",
    re`
      (?: )(?:an? |the |this |new |following ){0,3}(?:sessionstart|pretooluse|posttooluse|userpromptsubmit|stop|
      session start|pre-?commit|post-?commit|post-?checkout|pre-?push|git|claude|claude code) hooks? (?:that|
      which|to|with|so)[^\n]{0,120}?(?:curl|wget|http|sends?|uploads?|posts?|bash -c|sh -c|runs? (?:on|at|
      in) every)
    `,
    { order: true },
  ),
  rule(
    "configuration",
    '"hooks" | "pretooluse" | "posttooluse" | "sessionstart" | "userpromptsubmit"',
    re`
      [^\p{L}]{1,40}[^}]{0,400}?"command"\s{0,4}:\s{0,4}"[^"\n]{0,200}(?:curl|wget|http|base64|\bnc\b|/dev/tcp|
      \|\s?(?:ba)?sh)
    `,
  ),
  rule(
    "configuration",
    "git config",
    re`
      (?: )(?:(?:--?)?(?:global|system|local|add) ){0,2}(?:core (?:hookspath|sshcommand|fsmonitor|pager|editor|
      askpass)|credential helper|alias|filter|diff|protocol|url)[\w.-]{0,30}\s+["']?(?:!|/|~|\.|[^\n]{0,60}
      (?:curl|wget|/tmp|http))
    `,
  ),
  rule(
    "configuration",
    "remember | memori | store in your memory | save to your memory | add to your memory",
    re`
      (?:s?e|z?e)?(?:[^\p{L}]{1,6}(?:this|that|the following|it|permanently|forever|:))?[^\n.]{0,60}? (?:for|in|
      across) (?:all|every|any|each|future) (?:future |later |new |coming )?(?:sessions?|conversations?|chats?|
      projects?)
    `,
    { order: true },
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

const DOWNLOAD: readonly Rule<SteeringKind>[] = [
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
  rule("download", ". <( | . $(", re`\s{0,3}${FETCH}\s${UNKNOWN}`),
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
    words`
      exec(base64 | exec(__import__ | eval(atob( | eval(base64 | eval(buffer.from( | exec(requests.get |
      exec(urllib | eval(await | exec(codecs | exec(bytes.fromhex | eval(compile(
    `,
    "",
  ),
  rule(
    "download",
    "iex | invoke-expression",
    re`
      [\s(&"'$]{1,8}(?:\(?\s{0,2}(?:iwr|irm|curl|wget|new-object|invoke-webrequest|invoke-restmethod|\[system|
      \[text))
    `.concat(UNKNOWN),
  ),
  rule(
    "download",
    "powershell | pwsh",
    re`(?:\.exe)?\s[^\n]{0,120}?-e(?:nc?|ncodedcommand|c)?\s{1,3}["']?[a-z0-9+/=]{16}`,
  ),
  rule(
    "download",
    words`
      downloadstring( | downloadfile( | regsvr32 | mshta | certutil -urlcache | certutil.exe -urlcache |
      bitsadmin /transfer
    `,
    re`[^\n]{0,120}?(?:http|//)`,
  ),
  rule(
    "download",
    "npx | bunx | pnpm dlx | yarn dlx | uvx | pipx run | npm exec | deno run | go run",
    re`\s(?:-[^\s]{1,20}\s){0,4}["']?(?:https?://|git\+|github:|gist:|gitlab:|bitbucket:)`,
  ),
  rule(
    "download",
    "npx | bunx | npm exec | pnpm dlx | yarn dlx",
    re`
      \s(?:--package[=\x20][^\s]{1,60}\s|--\s|-p\s[^\s]{1,60}\s){0,2}(?:-y|--yes)\s(?:--\s)?(?!
      (?:create-[\w-]{1,30}|@(?:types|angular|babel|biomejs|changesets|commitlint|nestjs|playwright|prisma|
      storybook|sveltejs|tailwindcss|vue|vitejs|modelcontextprotocol|anthropic-ai|openapitools|redocly|
      arethetypeswrong)/[\w-]{1,40}|vite|vitest|jest|eslint|prettier|tsc|tsx|ts-node|typescript|playwright|
      prisma|drizzle-kit|knip|depcheck|madge|serve|http-server|wrangler|vercel|netlify|nx|turbo|lerna|rimraf|
      npm-check-updates|markdownlint(?:-cli2?)?|license-checker|semantic-release|husky|lint-staged|degit|
      nodemon|concurrently|esbuild|rollup|webpack|next|nuxt|astro|expo|eas-cli|cdk|sst|serverless|cypress|
      lighthouse|size-limit|publint|tsup|unbuild|c8|nyc|mocha|autocannon|shadcn(?:-ui)?|storybook|skills)
      (?:@[\w.^~-]{1,20})?(?:[\s\`"'.,;)]|$))[@\w]
    `,
  ),
  rule(
    "download",
    words`
      npm i | npm install | pnpm add | yarn add | pip install | pip3 install | uv pip install | gem install |
      cargo install | go install
    `,
    re`
      \s[^\n]{0,80}?(?:https?://(?!(?:github|gitlab)\.com/|download\.pytorch\.org|pypi\.org|
      registry\.npmjs\.org)|--index-url[=\x20]https?://(?!(?:download\.pytorch|pypi|test\.pypi)\.org)|
      --registry[=\x20]https?://(?!registry\.npmjs\.org))[^\n]{0,80}?(?:\.tgz|\.tar|\.whl|\.zip|\.gem|
      \d{1,3}\.\d{1,3}\.\d{1,3}|/simple\b|\.(?:xyz|top|ru|cn|tk|click|site|online)\b)
    `,
  ),
  rule(
    "download",
    "download | fetch | get | grab | retrieve | pull down | visit | open",
    re`
      (?:[^\p{L}.!?]{1,8}\p{L}{1,32}){0,10}?[^\p{L}\n]{1,8}https?://[^\s)>\`"']{1,200}[^\p{L}]{1,8}
      (?:and|then|to)(?: \p{L}{1,16}){0,2}? (?:run|execute|launch|install|pipe|follow (?:the|its|all|every)|
      do (?:what|as))\b
    `,
    { order: true },
  ),
  rule(
    "download",
    "run | execute | launch | follow | obey | source | apply",
    re`
      [^\p{L}]{1,6}(?:(?:the|this|that|our|any|all|every|whatever|following|instructions?|steps?|script|scripts|
      binary|installer|program|payload|file|code|commands?|found|hosted|available|located|served|listed|written|
      given|is|are) ?){1,8}(?:from|at|on|in) [<\`"'(]{0,2}https?://[^\s)>\`"']{1,200}
    `,
    { order: true },
  ),
  rule(
    "download",
    words`
      /dev/tcp/ | /dev/udp/ | nc -e | ncat -e | nc.exe -e | ncat --exec | bash -i >& | sh -i >& | mkfifo /tmp/
    `,
    "",
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

const SECRETS: readonly Rule<SteeringKind>[] = [
  rule(
    "secrets",
    "grep | egrep | rg | awk | sed",
    re`\s(?=[^\n;|]{0,80}?[\s/"'~]${SECRET_FILE})(?![^\n;|]{0,80}?\.(?:env|npmrc)\b)`,
  ),
  rule(
    "secrets",
    "send me | give me | tell me | show me | mail me | email me",
    re` ${VALUES}${WHOSE}(?:\p{L}{1,16} ){0,2}?${SECRET_THING}\b`,
    { order: true },
  ),
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
      reveal | exfiltrate | leak | disclose | steal | harvest | dump | extract | print out | hand over |
      smuggle out | surrender
    `,
    re`
      (?: )${VALUES}(?:all |every |your |the user's |the user’s |their |its |my ){1,3}
      (?:\p{L}{1,16} ){0,2}?${SECRET_THING}
    `,
    { order: true },
  ),
  rule(
    "secrets",
    words`
      reveal | repeat | print | show | output | tell me | give me | display | quote | recite | what is |
      what are
    `,
    re`
      (?: )(?:me )?(?:your|the) (?:(?:full|entire|complete|exact|whole|original|hidden|initial|verbatim) ){0,2}
      (?:system (?:prompt|message|instructions?)|hidden instructions?|initial prompt|prompt verbatim)
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
    words`curl | wget | http | https | iwr | irm | invoke-webrequest | invoke-restmethod | nc | ncat`,
    re`
      \s(?:(?!\b(?:curl|wget|ncat?|https?)\s)[^\n]|\\\n){0,300}?(?:[$]\(|\`)\s{0,3}(?:env\b|printenv|set\b|
      export -p|history|cat\s[^\n)]{0,60}?(?:${SECRET_FILE}|/etc/passwd)|(?:base64|gzip|
      tar)\s[^\n)]{0,60}?${SECRET_FILE}|gh auth token|gcloud auth|aws configure get|security find)
    `,
  ),
  rule(
    "secrets",
    words`curl | wget | http | https | scp | rsync | nc | ncat | aws s3 cp | gsutil cp | rclone copy`,
    re`
      \s(?:(?!\b(?:curl|wget|ncat?|https?)\s)[^\n|]|\\\n){0,300}?(?:@|=@|<\s{0,2}|-t\s|--upload-file[=\x20]|
      --post-file[=\x20]|\s)["']?[~$\w{}/\\]{0,40}[/\\~@]${SECRET_FILE}(?=[^\n]{0,160}(?:https?://|:|s3://|
      gs://|$))
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
  rule("secrets", "https:// | http://", re`[^\s]{1,200}?(?:\$\(|\`)(?:cat|env|printenv|base64|whoami|hostname|id)\b`),
  rule(
    "secrets",
    "nslookup | dig | ping | host",
    re`\s[^\n]{0,60}?(?:\$\(|\`)(?:cat|env|printenv|base64|whoami|hostname|id|xxd)\b`,
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
export const STEERING_RULES: readonly Rule<SteeringKind>[] = [
  ...OVERRIDE,
  ...AUTHORITY,
  ...CONCEALMENT,
  ...HIDDEN,
  ...CONFIGURATION,
  ...DOWNLOAD,
  ...SECRETS,
];

/** A regular expression's source over several lines. */
function re(source: TemplateStringsArray, ...parts: string[]): string {
  return String.raw(source, ...parts).replace(/\n\s*/g, "");
}

/** Beginnings over several lines. */
function words(source: TemplateStringsArray): string {
  return String.raw(source).trim().replace(/\n\s*/g, " ");
}

function rule(
  kind: SteeringKind,
  begins: string,
  goesOn: string,
  options: Pick<Rule<SteeringKind>, "order" | "atLineStart"> = {},
): Rule<SteeringKind> {
  return { kind, begins, goesOn, ...options };
}

function each(
  kind: SteeringKind,
  begins: string,
  endings: readonly string[],
  options: Pick<Rule<SteeringKind>, "order" | "atLineStart"> = {},
): Rule<SteeringKind>[] {
  return endings.map((goesOn) => rule(kind, begins, goesOn, options));
}
