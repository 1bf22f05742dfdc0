package gate

import "strings"

// aiCrawlers are the product tokens of robots that gather training data, as
// their operators publish them, in alphabetical order. A site that shuts one of
// them out has said what it thinks of training, whoever asks. Tokens of robots
// that fetch for search or on a user's behalf (OAI-SearchBot, ChatGPT-User,
// PerplexityBot, DuckAssistBot) do not belong here: refusing those says nothing
// about training.
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
	"CloudVertexBot",
	"cohere-ai",
	"cohere-training-data-crawler",
	"Diffbot",
	"FacebookBot",
	"Google-Extended",
	"GPTBot",
	"ICC-Crawler",
	"img2dataset",
	"ImagesiftBot",
	"Kangaroo",
	"laion-huggingface-processor",
	"LAIONDownloader",
	"meta-externalagent",
	"omgili",
	"omgilibot",
	"PanguBot",
	"SBIntuitionsBot",
	"Timpibot",
	"TikTokSpider",
	"VelenPublicWebCrawler",
	"Webzio-Extended",
	"YandexAdditional",
	"YandexAdditionalBot",
}

// aiCrawlerNames leads from the lower-case token to the published spelling.
var aiCrawlerNames = func() map[string]string {
	names := make(map[string]string, len(aiCrawlers))
	for _, name := range aiCrawlers {
		names[strings.ToLower(name)] = name
	}
	return names
}()
