package lab

import "strings"

// tongue is a language the generated site is written in: words of our own
// choosing, joined into sentences that look like the language to a detector
// and mean nothing.
type tongue struct {
	code, script string // ISO 639-3, ISO 15924
	htmlLang     string
	words        []string
	space, stop  string
}

// tongues are the languages of a Small site, by turns.
var tongues = [...]tongue{
	{
		code: "eng", script: "Latn", htmlLang: "en", space: " ", stop: ". ",
		words: strings.Fields(`the river and harbour with old stone bridges where every morning
			people carry their baskets through narrow streets while children wait for bread
			there is always someone who remembers how the winter began before these houses were
			built under high windows that would shine after rain because nothing else could keep
			such quiet light between garden walls and a small station which once had been busy
			many travellers came from other towns they brought letters books apples lamps salt
			paper thread colour music stories about mountains islands weather animals machines
			some of them stayed longer than anyone thought possible this changed what the market
			sold how neighbours talked whether evening meant work or rest`),
	},
	{
		code: "rus", script: "Cyrl", htmlLang: "ru", space: " ", stop: ". ",
		words: strings.Fields(`река и старый город где каждое утро люди несут корзины через узкие
			улицы пока дети ждут хлеб всегда есть кто помнит как началась зима до того когда были
			построены эти дома под высокими окнами которые светились после дождя потому что ничто
			другое не могло сохранить такой тихий свет между стенами сада маленькая станция раньше
			была полна народу многие путники приходили из других городов они привозили письма книги
			яблоки лампы соль бумагу нитки цвет музыку рассказы о горах островах погоде животных
			машинах некоторые остались дольше чем можно было подумать это изменило рынок`),
	},
	{
		code: "deu", script: "Latn", htmlLang: "de", space: " ", stop: ". ",
		words: strings.Fields(`der fluss und die alte stadt wo jeden morgen menschen ihre körbe
			durch enge gassen tragen während kinder auf das brot warten es gibt immer jemanden der
			sich erinnert wie der winter begann bevor diese häuser gebaut wurden unter hohen
			fenstern die nach dem regen glänzten weil nichts anderes ein so stilles licht zwischen
			den mauern des gartens bewahren konnte ein kleiner bahnhof der früher voll gewesen ist
			viele reisende kamen aus anderen städten sie brachten briefe bücher äpfel lampen salz
			papier faden farbe musik geschichten über berge inseln wetter tiere maschinen manche
			von ihnen blieben länger als man glaubte das veränderte den markt`),
	},
	{
		code: "jpn", script: "Jpan", htmlLang: "ja", space: "", stop: "。",
		words: strings.Fields(`川の 古い 町で 毎朝 人々は かごを 運びながら 狭い 道を 歩いて 子どもたちは
			パンを 待っています 冬が どのように 始まったかを 覚えている 人が いつも います 高い 窓の 下に
			家が 建てられる 前の ことです 雨の あとで 光る 静かな 庭の 壁と 小さな 駅が ありました
			旅人は 手紙や 本や りんごを 持って きました 山と 島の 話を 聞いて 音楽を 楽しみ
			市場は 少しずつ 変わって いきました そして 夜に なると 休みます`),
	},
}
