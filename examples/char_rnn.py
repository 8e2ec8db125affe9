"""A character-level RNN tells Spanish-looking words from German-looking ones, word by word.

Each word is a loop over its letters, each letter a one-hot vector set by an index: a program
whose every step has another length.
"""

import random

import torch
from torch import nn

LETTERS = "abcdefghijklmnopqrstuvwxyz"
WORDS = {
    "German": """abend arbeit baum berg bild blume brief brot buch dorf ende erde fenster feuer fluss
        freund garten geld gesicht gestern haus heute himmel holz hund jahr kind kirche kopf kraft
        land leben licht luft mensch messer milch morgen mutter nacht pferd platz regen schiff
        schloss schnee schrank schule schwester sprache stadt stein strasse stuhl tag tisch vater
        vogel wald wasser weg welt wetter winter woche wolke wort zeit zimmer zucker zwischen""",
    "Spanish": """abuelo agua amigo arena azul barco boca bosque brazo caballo cabeza calle camino
        campo carta casa cielo ciudad cocina corazon cuerpo dinero espejo estrella familia flor
        fuego gato hermana hermano hoja iglesia invierno isla jardin juego leche libro lluvia luna
        madera madre manzana mesa mundo naranja noche ojo padre pajaro palabra perro piedra playa
        primavera puerta queso sangre semana silla sol sombrero tarde tiempo tierra vaso ventana
        verano viento zapato""",
}
LANGUAGES = list(WORDS)


class RNN(nn.Module):
    """One recurrent step: a letter and the state so far -> scores and the next state."""

    def __init__(self, input_size, hidden_size, output_size):
        super().__init__()
        self.hidden_size = hidden_size
        self.to_hidden = nn.Linear(input_size + hidden_size, hidden_size)
        self.to_output = nn.Linear(hidden_size, output_size)
        self.softmax = nn.LogSoftmax(dim=1)

    def forward(self, letter, hidden):
        hidden = torch.tanh(self.to_hidden(torch.cat((letter, hidden), 1)))
        return self.softmax(self.to_output(hidden)), hidden

    def initial(self):
        return torch.zeros(1, self.hidden_size)


def one_hot(word):
    """A word as (letters, 1, 26), one 1 per letter."""
    tensor = torch.zeros(len(word), 1, len(LETTERS))
    for i, letter in enumerate(word):
        tensor[i][0][LETTERS.index(letter)] = 1
    return tensor


def read(model, word):
    hidden = model.initial()
    for letter in one_hot(word):
        output, hidden = model(letter, hidden)
    return output


def main(steps=3000):
    random.seed(0)
    torch.manual_seed(0)
    pairs = [(word, language) for language, words in WORDS.items() for word in words.split()]
    model = RNN(len(LETTERS), 64, len(LANGUAGES))
    loss_fn = nn.NLLLoss()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.02)

    recent = 0.0
    for step in range(1, steps + 1):
        word, language = random.choice(pairs)
        target = torch.tensor([LANGUAGES.index(language)])
        loss = loss_fn(read(model, word), target)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        recent += loss.item()
        if step % 500 == 0:
            print(f"step {step}  loss {recent / 500:.4f}")
            recent = 0.0

    with torch.no_grad():
        right = sum(read(model, word).argmax(1).item() == LANGUAGES.index(lang) for word, lang in pairs)
    print(f"Accuracy: {right / len(pairs):.1%}")


if __name__ == "__main__":
    main()
