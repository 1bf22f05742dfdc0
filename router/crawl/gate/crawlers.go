package gate

import "strings"

// aiCrawlers are the product tokens that stand for gathering training data, in
// alphabetical order. A site that shuts one of them out has said what it thinks
// of training, whoever asks. For the large ones the operator names training
// among the uses; several of the small ones stand on public lists and their
// names alone, and are worth checking again. anthropic-ai and Claude-Web are no
// longer in use; Anthropic takes rules for them as rules for ClaudeBot.
//
// Tokens for search, for answers or for a visit on a user's behalf do not belong
// here, even of an operator that also trains (OAI-SearchBot, ChatGPT-User,
// Claude-User, PerplexityBot, Amzn-SearchBot, MistralAI-Index, YandexAdditional,
// cohere-ai, DuckAssistBot): refusing those says nothing about training.
var aiCrawlers = []string{
	"AI2Bot",
	"AI2Bot-Dolma",
	"Amazonbot",
	"anthropic-ai",
	"Applebot-Extended",
	"Bytespider",
	"CCBot",
	"Claude-Web",
	"ClaudeBot",
	"cohere-training-data-crawler",
	"FacebookBot",
	"Google-Extended",
	"GPTBot",
	"ICC-Crawler",
	"img2dataset",
	"Kangaroo",
	"laion-huggingface-processor",
	"LAIONDownloader",
	"meta-externalagent",
	"MistralAI-Training",
	"PanguBot",
	"SBIntuitionsBot",
	"VelenPublicWebCrawler",
	"Webzio-Extended",
}

// aiCrawlerNames leads from the lower-case token to the published spelling.
var aiCrawlerNames = func() map[string]string {
	names := make(map[string]string, len(aiCrawlers))
	for _, name := range aiCrawlers {
		names[strings.ToLower(name)] = name
	}
	return names
}()
