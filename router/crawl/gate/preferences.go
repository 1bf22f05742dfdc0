package gate

import "strings"

// maxPreferences is how many items of one statement are read.
const maxPreferences = 64

// training reads a list of usage preferences, in the vocabulary of AIPREF
// ("train-ai=n, search=y") or of Cloudflare's content signals ("ai-train=no").
//
// It is not a structured-field parser on purpose: that must ignore a whole
// field for one stray byte, and a refusal with a typing error is still one.
func training(list string) Training {
	var direct, broad Training
	count := 0
	for item := range strings.SplitSeq(list, ",") {
		if count++; count > maxPreferences {
			break
		}
		item, _, _ = strings.Cut(item, ";") // parameters
		key, value, _ := strings.Cut(item, "=")
		said := answer(value)
		switch strings.ToLower(strings.TrimSpace(key)) {
		case "train-ai", "ai-train":
			direct = Combine(direct, said)
		case "train-genai", "genai": // a part of training: its refusal is one, its permission not all
			if said == TrainingRefused {
				direct = TrainingRefused
			}
		case "ai", "tdm", "bots": // a whole of which training is a part, unless named itself
			broad = Combine(broad, said)
		}
	}
	if direct == TrainingUnstated {
		return broad
	}
	return direct
}

func answer(value string) Training {
	switch strings.ToLower(strings.Trim(value, " \t\"")) {
	case "n", "no", "?0":
		return TrainingRefused
	case "y", "yes", "?1":
		return TrainingAllowed
	}
	return TrainingUnstated
}

// reservation reads the value of a tdm-reservation: 1 reserves the rights to
// text and data mining, 0 states that they are not reserved.
func reservation(value string) Training {
	switch strings.Trim(value, " \t\"") {
	case "1", "true":
		return TrainingRefused
	case "0", "false":
		return TrainingAllowed
	}
	return TrainingUnstated
}
